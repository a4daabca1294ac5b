"""Where a store is: the URL of the settings, read once into a frozen value.

Called by `open_store`. Must never put the password into a message or a repr.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

from tracing.store.errors import StoreRefused

DEFAULT_DATABASE = "caretrail"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


@dataclass(frozen=True, slots=True)
class Target:
    """One store address. `path` is set for the embedded engine, `host` for a server."""

    database: str
    path: str | None = None
    host: str | None = None
    port: int = 8123
    secure: bool = False
    username: str | None = None
    password: str = field(default="", repr=False)
    cluster: str | None = None

    @property
    def embedded(self) -> bool:
        return self.path is not None


def parse_target(url: str) -> Target:
    """Read `chdb:///abs/path[?database=x]` or `http[s]://user:pw@host:8123/database[?cluster=x]`.

    Raises StoreRefused with what is wrong and what a right URL looks like.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise StoreRefused(f"The store URL cannot be read ({error})") from None
    options = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    known = {"chdb": {"database"}, "http": {"cluster", "database"}, "https": {"cluster", "database"}}
    if parts.scheme not in known:
        raise StoreRefused(
            f"A store URL starts with chdb://, http:// or https://, not {parts.scheme or 'nothing'!r}; for "
            "example chdb:///var/lib/caretrail or http://user:password@clickhouse:8123/caretrail"
        )
    if unknown := sorted(set(options) - known[parts.scheme]):
        raise StoreRefused(f"A {parts.scheme} store URL has no option {unknown[0]!r}")
    if parts.scheme == "chdb":
        if parts.netloc or not parts.path.startswith("/"):
            raise StoreRefused(
                "An embedded store needs an absolute path and three slashes: chdb:///var/lib/x"
            )
        return Target(database=_name("database", options.get("database", "")), path=unquote(parts.path))
    if not parts.hostname:
        raise StoreRefused("A server store URL needs a host: http://user:password@clickhouse:8123/caretrail")
    secure = parts.scheme == "https"
    in_path = unquote(parts.path.strip("/"))
    cluster = options.get("cluster")
    return Target(
        database=_name("database", in_path or options.get("database", "")),
        host=parts.hostname,
        port=port or (8443 if secure else 8123),
        secure=secure,
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password or ""),
        cluster=_name("cluster", cluster) if cluster else None,
    )


def _name(what: str, value: str) -> str:
    value = value or DEFAULT_DATABASE
    if not _NAME.match(value):
        raise StoreRefused(f"The {what} name of a store URL has letters, digits and _ only, not {value!r}")
    return value
