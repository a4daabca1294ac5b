"""Trace and span identity that every tap derives alone, and W3C trace context.

Called by the taps (spans), by search (a typed identifier becomes a trace ID) and by the front door (site
key). It must never talk to anybody, keep state, or let an identifier be computed back from an ID without the
site key.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from tracing.keys import Key

SITE_KEY_BYTES = 32
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_TRACESTATE = re.compile(
    r"[a-z0-9][a-z0-9_*/-]{0,240}(@[a-z][a-z0-9_*/-]{0,13})?=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)
MAX_TRACESTATE = 512
_BLOCK = 64
_NO_SPAN = bytes(8)
_INNER = bytes(value ^ 0x36 for value in range(256))
_OUTER = bytes(value ^ 0x5C for value in range(256))


class SiteKeyError(Exception):
    """The site key file cannot be read or written, or holds no key; the text names the file."""


class KeyedHash:
    """HMAC-SHA256 (RFC 2104) whose two key blocks are hashed once.

    The same bytes as `hmac.digest(key, data, "sha256")`, at less than half the time per call, which is
    what a message path that hashes several keys per message is made of.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        block = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(block.translate(_INNER))
        self._outer = hashlib.sha256(block.translate(_OUTER))

    def after(self, prefix: bytes) -> tuple[hashlib._Hash, hashlib._Hash]:
        """Inner and outer hash with `prefix` taken in, for callers that go on from copies of them."""
        inner = self._inner.copy()
        inner.update(prefix)
        return inner, self._outer

    def digest(self, data: bytes) -> bytes:
        """32 bytes."""
        inner = self._inner.copy()
        inner.update(data)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()


@dataclass(frozen=True)
class SiteKey:
    """The secret of one site: whoever has it can compute tokens and open sealed values.

    `secret` is 32 bytes and never appears in `repr`, logs or telemetry. `earlier` are the keys it replaced,
    newest first: what was recorded with them is still found and opened.
    """

    secret: bytes = field(repr=False)
    earlier: tuple[SiteKey, ...] = field(default=(), repr=False)
    hash: KeyedHash = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.secret) != SITE_KEY_BYTES:
            raise SiteKeyError(f"a site key has {SITE_KEY_BYTES} bytes, this one has {len(self.secret)}")
        object.__setattr__(self, "hash", KeyedHash(self.secret))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> SiteKey:
        """Read the 64 hexadecimal digits in `path`; of several lines the last is the key, the others earlier.

        Raises `SiteKeyError` if the file is missing, unreadable or holds anything else.
        """
        try:
            lines = Path(path).read_text(encoding="ascii").split()
            secrets_ = [bytes.fromhex(line) for line in lines]
        except (OSError, UnicodeDecodeError) as error:
            raise SiteKeyError(f"{path}: cannot read the site key: {_why(error)}") from error
        except ValueError:
            secrets_ = []
        if not secrets_ or any(len(secret) != SITE_KEY_BYTES for secret in secrets_):
            raise SiteKeyError(
                f"{path}: not a site key (64 hexadecimal digits expected); restore the file from its backup: "
                "with another key, nothing recorded so far can be found again"
            )
        newest, *before = reversed(secrets_)
        return cls(newest, tuple(cls(secret) for secret in before))

    @classmethod
    def rotate(cls, path: str | os.PathLike[str]) -> SiteKey:
        """Add a new random key to the file of one that exists; from its next start, a tap writes with it.

        The file is replaced as a whole, so a reader sees the old keys or all. Raises `SiteKeyError`.
        """
        before = cls.load(path)
        target = Path(path)
        temporary = target.with_name(target.name + ".new")
        lines = [key.secret.hex() for key in reversed((before, *before.earlier))]
        secret = secrets.token_bytes(SITE_KEY_BYTES)
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write("\n".join([*lines, secret.hex()]) + "\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
        except OSError as error:
            raise SiteKeyError(f"{path}: cannot write the site key: {_why(error)}") from error
        return cls(secret, (before, *before.earlier))

    @classmethod
    def create(cls, path: str | os.PathLike[str]) -> SiteKey:
        """Write a new random key to `path` (mode 0600); an existing file is never overwritten.

        Raises `SiteKeyError` if the file exists or cannot be written.
        """
        secret = secrets.token_bytes(SITE_KEY_BYTES)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(secret.hex() + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise SiteKeyError(f"{path}: cannot create the site key: {_why(error)}") from error
        return cls(secret)

    def subkey(self, purpose: str) -> bytes:
        """32 bytes for one purpose: HKDF-SHA256 (RFC 5869) with an empty salt and `purpose` as info."""
        extracted = hmac.digest(bytes(32), self.secret, "sha256")
        return hmac.digest(extracted, purpose.encode() + b"\x01", "sha256")


def trace_id(site_key: SiteKey, key: Key) -> bytes:
    """The trace ID (16 bytes, never all zero) of every message whose best business key is `key`."""
    text = f"{key.kind}|{key.authority}|{key.value}"
    return journey_trace_id(site_key, text.encode("utf-8", "surrogatepass"))


def journey_trace_id(site_key: SiteKey, key: bytes) -> bytes:
    """`trace_id` for a key that is already encoded as `kind|authority|value`."""
    return _nonzero(site_key.hash.digest(b"v1|journey|" + key)[:16])


def message_trace_id(site_key: SiteKey, interface: str, identity: bytes) -> bytes:
    """The trace ID (16 bytes) of a message without any business key: the same when seen again."""
    return _nonzero(site_key.hash.digest(b"v1|message|%b|%b" % (interface.encode(), identity))[:16])


def span_id(site_key: SiteKey, interface: str, identity: bytes, attempt: int) -> bytes:
    """The span ID (8 bytes, never all zero) of one transmission of one message over one interface.

    `identity` tells messages apart, `attempt` transmissions of the same message (the taps pass the time of
    arrival in ns), so that telemetry sent twice collapses and a message sent twice does not.
    """
    return _nonzero(site_key.hash.digest(b"v1|span|%b|%d|%b" % (interface.encode(), attempt, identity))[:8])


def span_ids(site_key: SiteKey, interface: str) -> Callable[[bytes, int], bytes]:
    """`span_id` of one interface, prepared: the function takes identity and attempt."""
    inner, outer = site_key.hash.after(b"v1|span|%b|" % interface.encode())

    def span_id(identity: bytes, attempt: int) -> bytes:
        hashed = inner.copy()
        hashed.update(b"%d|%b" % (attempt, identity))
        outside = outer.copy()
        outside.update(hashed.digest())
        found = outside.digest()[:8]
        return found if found != _NO_SPAN else _nonzero(found)

    return span_id


class SpanContext(NamedTuple):
    """A propagated context: `trace_id` 16 bytes, `span_id` 8 bytes, `flags` one byte as int."""

    trace_id: bytes
    span_id: bytes
    flags: int


def parse_traceparent(text: str) -> SpanContext | None:
    """W3C Trace Context level 2, section 3.2. Malformed is None: the receiver starts its own trace."""
    match = _TRACEPARENT.fullmatch(text.strip())
    if match is None:
        return None
    version, trace, span, flags, rest = match.groups()
    if version == "ff" or (version == "00" and rest) or not trace.strip("0") or not span.strip("0"):
        return None
    return SpanContext(bytes.fromhex(trace), bytes.fromhex(span), int(flags, 16))


def parse_tracestate(text: str) -> str:
    """W3C Trace Context level 2, section 3.3: the list, or empty if it is malformed or too long."""
    if len(text) > MAX_TRACESTATE:
        return ""
    members = [member.strip(" \t") for member in text.split(",")]
    kept = [member for member in members if member]
    names = {member.partition("=")[0] for member in kept}
    if len(kept) > 32 or len(names) < len(kept) or not all(map(_TRACESTATE.fullmatch, kept)):
        return ""
    return ",".join(kept)


def format_traceparent(context: SpanContext) -> str:
    """`00-<32 hex>-<16 hex>-<2 hex>`."""
    return f"00-{context.trace_id.hex()}-{context.span_id.hex()}-{context.flags & 0xFF:02x}"


def _nonzero(identifier: bytes) -> bytes:
    # An all-zero ID is invalid in W3C trace context; one bit costs nothing and keeps it derivable.
    return identifier if any(identifier) else identifier[:-1] + b"\x01"


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
