"""One `caretrail.yaml`: what every role needs to know, checked before anything starts.

Read by the command line only; each room gets the part that is its own. Must never hold a secret in the clear:
keys and tokens are named by file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from collector.engines.config import EngineConfig
from collector.taps.config import Interface, TapConfigError, check_together
from tracing import documents
from tracing.identity_settings import IdentitySettings

_REFERENCE = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")
_UNITS = {"": 1, "b": 1, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}


def parse_size(value: Any) -> Any:
    """ "64 MiB" -> bytes. Raises ValueError naming the units that are understood."""
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"\s*(\d+)\s*([A-Za-z]*)\s*", value)
    if found is None or found[2].lower() not in _UNITS:
        raise ValueError("must be a size such as 64 MiB, 2 GiB or a number of bytes")
    return int(found[1]) * _UNITS[found[2].lower()]


def _check_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError("must be an IANA time zone such as America/Chicago") from None
    return name


def _check_address(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError("must be host:port, for example 127.0.0.1:4318")
    return text


Size = Annotated[int, BeforeValidator(parse_size), Field(gt=0)]
Address = Annotated[str, AfterValidator(_check_address)]
Zone = Annotated[str, AfterValidator(_check_zone)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Site(_Part):
    """The hospital."""

    name: str = Field("Caretrail", description="Shown in the head of every page.")
    id: str = Field("site", description="Short name carried on every span (`caretrail.site`).")
    timezone: Zone = Field("UTC", description="Times are shown, and business days counted, in this zone.")
    key_file: Path = Field(
        Path("site.key"),
        description="The site key, made by `caretrail config key`. Trace IDs, tokens and sealed values come "
        "from it: every tap and the core of a site need the same one.",
    )


class StoreSettings(_Part):
    """Where everything is kept."""

    url: str = Field(
        "chdb:./store",
        description="`chdb:PATH` for the embedded engine (one process), or `http(s)://user:password@host:port/"
        "database` for a ClickHouse server.",
    )
    password_file: Path | None = Field(
        None, description="Password of the server's user, instead of in the URL."
    )
    body_days: int = Field(
        30, ge=1, le=3650, description="How long sealed bodies are kept, of interfaces that capture them."
    )


class CollectorSettings(_Part):
    """The OTLP receiver and its write-ahead log."""

    http: Address = Field(
        "127.0.0.1:4318", description="OTLP over HTTP (`/v1/traces`) and the checkpoint API."
    )
    grpc: Address | None = Field("127.0.0.1:4317", description="OTLP over gRPC; null switches it off.")
    wal: Path = Field(Path("wal"), description="Folder of the write-ahead log. A 200 means: it is in here.")
    wal_limit: Size = Field(
        2 << 30, description="When this much waits for the store, the answer is 503 until some has gone."
    )
    wal_segment: Size | None = Field(
        None,
        description="A busy core stores this much at once, which takes twelve times that in memory."
        " By itself a 128th of the machine's memory, 16 MiB to 128 MiB.",
    )
    body_limit: Size = Field(64 << 20, description="Largest request body, before and after decompression.")


class TapSettings(_Part):
    """The taps of this machine."""

    endpoint: str = Field("http://127.0.0.1:4318", description="The collector to send spans to.")
    spool: Path = Field(Path("spool"), description="Folder where spans wait while the collector is away.")
    spool_limit: Size = Field(1 << 30, description="Beyond this, the oldest spans are dropped and counted.")
    spool_days: float = Field(7, gt=0, description="Spans that waited longer are dropped and counted.")
    memory_limit: Size = Field(
        1 << 30, description="When more than this is resident, messages pass unread, and are counted."
    )
    metrics: Address | None = Field(
        None, description="Where `/metrics`, `/healthz` and `/readyz` of the taps are served; null: nowhere."
    )


class DashboardSettings(_Part):
    """Pages and the REST API."""

    listen: Address = Field("127.0.0.1:8050", description="Where pages and `/api/v1` are served.")
    public_url: str | None = Field(None, description="How people reach it, for links in alerts.")
    api_token_file: Path = Field(
        Path("api-token"), description="Bearer token of the REST API, made at first start."
    )


class AlertSettings(_Part):
    """Who is told."""

    alertmanager: str | None = Field(None, description="Base URL of an Alertmanager (v2 API).")
    every_seconds: float = Field(5.0, gt=0, description="How often conditions are looked at.")


class TelemetrySettings(_Part):
    """What Caretrail tells about itself."""

    endpoint: str | None = Field(None, description="OTLP/HTTP endpoint for its own traces; null: none.")


class Settings(_Part):
    """The whole file. Paths are relative to the folder the file is in."""

    site: Site = Site()
    store: StoreSettings = StoreSettings()
    collector: CollectorSettings = CollectorSettings()
    taps: TapSettings = TapSettings()
    identity: IdentitySettings = IdentitySettings()
    interfaces: tuple[Interface, ...] = Field(
        (), description="The interfaces to watch, in the hospital's own words; see the interface tables."
    )
    engines: tuple[EngineConfig, ...] = Field(
        (), description="Integration engines to ask for queues, errors and states; see the engine table."
    )
    workflows: tuple[str, ...] = Field(
        ("discharge-to-cash",), description="Shipped packs by name, or paths of workflow files."
    )
    objectives: tuple[str, ...] = Field(
        ("discharge-to-cash",), description="Shipped objectives by name, or paths of OpenSLO files."
    )
    dashboard: DashboardSettings = DashboardSettings()
    alerts: AlertSettings = AlertSettings()
    telemetry: TelemetrySettings = TelemetrySettings()


class Configuration(BaseModel):
    """Settings and the folder their relative paths start from."""

    model_config = ConfigDict(frozen=True)

    settings: Settings
    folder: Path
    file: Path | None = None
    """Where the settings were read from; None where they were made."""

    def path(self, relative: Path | str) -> Path:
        """A path of the settings as an absolute one."""
        return (self.folder / relative).resolve()

    @property
    def store_folder(self) -> Path | None:
        """Where the embedded engine keeps its data, None with a server."""
        url = self.settings.store.url
        if not url.startswith("chdb:"):
            return None
        where = url.removeprefix("chdb:").partition("?")[0]
        return self.path(where.removeprefix("//"))

    @property
    def store_url(self) -> str:
        """The store's URL with an absolute path and, for a server, the password from its file."""
        url = self.settings.store.url
        if (folder := self.store_folder) is not None:
            query = url.partition("?")[2]
            return f"chdb://{folder}" + (f"?{query}" if query else "")
        secret = self.settings.store.password_file
        if secret is None:
            return url
        scheme, _, rest = url.partition("://")
        user, _, host = rest.rpartition("@")
        password = quote(self.path(secret).read_text().strip(), safe="")
        return f"{scheme}://{user or 'default'}:{password}@{host}"


def load(path: Path) -> Configuration:
    """Read and check a settings file. Raises documents.DocumentError naming file, line and key."""
    found = documents.read_file(path)
    document = found[0] if found else documents.Document(str(path), {}, {})
    whole = documents.Document(document.name, document.data or {}, document.marks)
    settings = documents.check(Settings, _with_environment(whole, os.environ))
    _check_together(settings, whole)
    return Configuration(settings=settings, folder=path.resolve().parent, file=path.resolve())


def _check_together(settings: Settings, document: documents.Document) -> None:
    """Raise DocumentError where two things of the file cannot both be."""
    problems = []
    for key, named in (("interfaces", settings.interfaces), ("engines", settings.engines)):
        seen: set[str] = set()
        for index, one in enumerate(named):
            if one.name in seen:
                problems.append(f"{document.place((key, index, 'name'))}: another one has this name")
            seen.add(one.name)
    if not problems:
        try:
            check_together(settings.interfaces)
        except TapConfigError as error:
            problems.append(f"{document.place(('interfaces',))}: {error}")
    if problems:
        raise documents.DocumentError(problems)


def _with_environment(document: documents.Document, environment: Mapping[str, str]) -> documents.Document:
    """`${env:NAME}` in any text becomes the variable's value; raises DocumentError where there is none."""
    problems: list[str] = []

    def value(found: Any, location: documents.Location) -> Any:
        if isinstance(found, dict):
            return {key: value(inner, (*location, str(key))) for key, inner in found.items()}
        if isinstance(found, list):
            return [value(inner, (*location, index)) for index, inner in enumerate(found)]
        if not isinstance(found, str):
            return found
        for name in _REFERENCE.findall(found):
            if name not in environment:
                problems.append(f"{document.place(location)}: the environment has no variable {name}")
        return _REFERENCE.sub(lambda match: environment.get(match[1], ""), found)

    data = value(document.data, ())
    if problems:
        raise documents.DocumentError(problems)
    return documents.Document(document.name, data, document.marks)


def split_address(address: str) -> tuple[str, int]:
    """ "127.0.0.1:4318" -> ("127.0.0.1", 4318)."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)
