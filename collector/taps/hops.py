"""From what a protocol reader found in a message to the bytes of a span.

Called by the observers of HL7, HTTP and X12, for live messages and for history alike. Encoders are prepared
per interface, because what does not vary by message must not cost per message. It must never put a value of a
message into a span unless it is a short code, a number, or a key that has become a token.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from datetime import UTC, tzinfo
from functools import lru_cache
from typing import NamedTuple, Protocol
from urllib.parse import quote
from weakref import WeakSet

from collector.taps.config import AnyInterface
from tracing import attributes as names
from tracing import spans
from tracing.context import span_ids
from tracing.keys import SEARCH_ONLY, Key, Sealer, format_reference, priority

SCOPE_NAME = "caretrail.tap"
SCOPE_VERSION = "1"
MAX_KEYS = 32
MAX_GLUING_KEYS = 24
"""Of them; the rest is for keys that only search: a message with many orders still has its patient."""
MAX_FACILITIES = 64
MAX_CONTROL_ID = 199
IDENTITY_BYTES = 512
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_MESSAGE = re.compile(r"[A-Za-z0-9_]{1,16}(\^[A-Za-z0-9_]{1,16})?")


class Sink(Protocol):
    """Where finished spans go: `scope` is an encoded InstrumentationScope field, `encoded` Span fields."""

    def append(self, scope: bytes, encoded: bytes, count: int = 1) -> bool:
        """Take `count` spans; False if they had to be dropped. Never raises."""
        ...


class Hop:
    """One message on its way: everything about it that does not depend on its acknowledgement, encoded."""

    # Of the class, because most hops never set them, and one is made for every message.
    end_ns = 0
    parent = b""
    links = b""
    trace_state = ""
    outcome = ""
    answered = ""
    others: tuple[Hop, ...] = ()
    """Hops of the same message that share its answer: of further patients."""
    plain_id = b""
    """The control ID as it was written, where it is plain text; an acknowledgement can be matched by it."""

    def __init__(
        self, scope: bytes, trace: bytes, span: bytes, start_ns: int, control_id: str, head: bytes
    ) -> None:
        self.scope = scope
        self.trace_id = trace
        self.span_id = span
        self.start_ns = start_ns
        self.control_id = control_id
        self.head = head


def coded(value: str | None) -> str | None:
    """`value` if it is a short code, else None: free text could hold anything about anybody."""
    return value if value is not None and _CODE.fullmatch(value) else None


def message_identity(payload: bytes) -> bytes:
    """What tells this message from others in its span ID; bounded, so that a large document costs no more."""
    return payload if len(payload) <= IDENTITY_BYTES else b"%d|%b" % (len(payload), payload[:IDENTITY_BYTES])


def number(value: object) -> float | None:
    """A finite number from JSON (also one written as text), else None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def by_code(name: str, form: re.Pattern[str] = _CODE) -> Callable[[str], bytes]:
    """A cached encoder of a string attribute that lets only codes through: others encode to nothing."""
    encode = spans.string_attribute(name)

    @lru_cache(maxsize=512)
    def cached(value: str) -> bytes:
        return encode(value) if form.fullmatch(value) else b""

    return cached


encode_message = by_code(names.MESSAGE, _MESSAGE)
encode_outcome = by_code(names.OUTCOME)
encode_ack_code = by_code(names.ACK_CODE)
encode_reason = by_code(names.REASON)
encode_pairing = by_code(names.ACK_PAIRING)
encode_unread = by_code(names.UNREAD)
encode_plain_message_id = spans.ascii_attribute(names.MESSAGE_ID)
encode_plain_conversation_id = spans.ascii_attribute(names.CONVERSATION_ID)
encode_body_size = lru_cache(maxsize=4096)(spans.int_attribute(names.BODY_SIZE))
encode_ack_size = lru_cache(maxsize=1024)(spans.int_attribute(names.ACK_SIZE))
_keys = spans.array_attribute(names.KEYS)
_sealed = spans.array_attribute(names.KEYS_SEALED)
_doubts = spans.ascii_attribute(names.DOUBTS)


def encode_message_id(value: str) -> bytes:
    """MSH-10 or the X12 control numbers; what is not printable ASCII is no control ID."""
    if value.isascii() and value.isprintable() and 0 < len(value) <= MAX_CONTROL_ID:
        return encode_plain_message_id(value.encode("ascii"))
    return b""


def encode_conversation_id(value: str) -> bytes:
    """The control ID an answer refers to."""
    if value.isascii() and value.isprintable() and 0 < len(value) <= MAX_CONTROL_ID:
        return encode_plain_conversation_id(value.encode("ascii"))
    return b""


def encode_measure(name: str, value: float) -> bytes:
    """`integration.measure.<name>`."""
    return spans.attribute(names.MEASURE + name, value)


class Encoded(NamedTuple):
    """A key in its one spelling, as everything a span may say of it."""

    key: Key
    token: bytes
    reference: bytes
    """`kind:authority:token`."""
    sealed: bytes
    doubt: str
    """Why it is no key, else empty."""
    elements: tuple[bytes, bytes]
    """Reference and sealed value as elements of their arrays."""


class KeyEncoder:
    """Business keys as span attributes; each key is spelt, hashed and sealed once while it is in use.

    `zone` is that of times in messages that name none.
    """

    def __init__(self, sealer: Sealer, zone: tzinfo | None = None) -> None:
        self.sealer = sealer
        self.authorities = sealer.authorities
        self.zone = zone or UTC
        self.one = lru_cache(maxsize=2048)(self._encode)
        self._users: WeakSet[object] = WeakSet()

    def joined(self, user: object) -> None:
        """Count an observer that keeps what it has read before."""
        self._users.add(user)

    def share(self, whole: int) -> int:
        """How much of `whole` each observer of the process may keep: many interfaces, little each."""
        return max(64, whole // max(1, len(self._users)))

    def numbers(self, keys: Iterable[Key]) -> list[Encoded]:
        """The keys without doubles and without those that are no number."""
        found = (self.one(key) for key in keys)
        return list({one.key: one for one in found if not one.doubt}.values())

    def encode(self, keys: list[Key], rank: Callable[[str], int] = priority) -> tuple[bytes, bytes]:
        """`(trace ID or b"" if no key names a journey, attributes)`; keys best first, without doubles.

        `rank` orders the kinds, 0 is best; kinds that only search come last whatever it says.
        """
        if not keys:
            return b"", b""
        gluing: dict[Key, Encoded] = {}
        searching: dict[Key, Encoded] = {}
        doubtful: dict[Key, Encoded] = {}
        for key in keys:
            one = self.one(key)
            if one.doubt:
                doubtful[one.key] = one
            else:
                (searching if key.kind in SEARCH_ONLY else gluing)[one.key] = one
        found = list(gluing.values())
        if len(found) > 1:
            found.sort(key=lambda one: rank(one.key.kind))
            del found[MAX_GLUING_KEYS:]
        trace = found[0].token if found else b""
        if searching:
            found += sorted(searching.values(), key=lambda one: priority(one.key.kind))
        attributes = b""
        if found:
            del found[MAX_KEYS:]
            elements = [one.elements for one in found]
            attributes = _keys(b"".join([one[0] for one in elements]))
            attributes += _sealed(b"".join([one[1] for one in elements]))
        if doubtful:
            said = [
                b"%b:%b:%b" % (one.reference, one.doubt.encode(), one.sealed) for one in doubtful.values()
            ]
            attributes += _doubts(b" ".join(said[:MAX_KEYS]))
        return trace, attributes

    def _encode(self, key: Key) -> Encoded:
        key = self.authorities.canonical(key)
        token, sealed = self.sealer.token_and_seal(key)
        reference = _prefix(key.kind, key.authority) + token.hex().encode("ascii")
        elements = spans.ascii_element(reference), spans.ascii_element(sealed)
        return Encoded(key, token, reference, sealed, self.authorities.doubt(key), elements)


@lru_cache(maxsize=1024)
def _prefix(kind: str, authority: str) -> bytes:
    return format_reference(kind, authority, "").encode("ascii")


def ranks(first: Iterable[str]) -> Callable[[str], int]:
    """The order of kinds with `first` before all others."""
    own = {kind: place for place, kind in enumerate(first)}
    if not own:
        return priority
    return lambda kind: own[kind] if kind in own else len(own) + priority(kind)


def key_fields(places: Iterable[tuple[str, str]]) -> str:
    """`kind=place|place` for each kind, separated by spaces: where an interface's keys are read from."""
    by_kind: dict[str, dict[str, None]] = {}
    for kind, place in places:
        by_kind.setdefault(kind, {})[quote(place, safe="/-._~:@[]()*$#,?'")] = None
    return " ".join(f"{kind}={'|'.join(found)}" for kind, found in by_kind.items())


class Emitter:
    """Encodes the spans of one interface and hands them to the sink."""

    def __init__(self, interface: AnyInterface, sink: Sink, keys: KeyEncoder) -> None:
        self.interface = interface
        self.keys = keys
        self.site_key = keys.sealer.site_key
        self._sink = sink
        self._rank = ranks(interface.priority)
        self._facilities: dict[str, bytes] = {}
        self.scope = self._scope(interface.facility)
        self.name = interface.name
        self._span_id = span_ids(keys.sealer.site_key, interface.name)

    def scope_for(self, facility: str | None) -> bytes:
        """The scope of a message whose own facility is `facility`; the interface's if that is no code.

        Senders choose what they write, so their number of facilities is bounded.
        """
        if not facility:
            return self.scope
        found = self._facilities.get(facility)
        if found is None:
            if len(self._facilities) >= MAX_FACILITIES or coded(facility) is None:
                return self.scope
            found = self._facilities[facility] = self._scope(facility)
        return found

    def keyed(self, keys: list[Key]) -> tuple[bytes, bytes]:
        """`KeyEncoder.encode` with the interface's own order of kinds."""
        return self.keys.encode(keys, self._rank)

    def best(self, keys: Iterable[Key]) -> Key | None:
        """The key, as it is given, that would name the journey; the first of the best kind."""
        found = (key for key in keys if key.kind not in SEARCH_ONLY and not self.keys.one(key).doubt)
        return min(found, key=lambda key: self._rank(key.kind), default=None)

    def span_id(self, payload: bytes, start_ns: int) -> bytes:
        """The span ID of one transmission of `payload`."""
        if len(payload) > IDENTITY_BYTES:
            payload = message_identity(payload)
        return self._span_id(payload, start_ns)

    def emit_usual(
        self, encode: Callable[[bytes, bytes, int, int, bytes, int], bytes], hop: Hop, tail: bytes
    ) -> bool:
        """`emit` for a hop without parent and links, by a `prepared_span`; `tail` includes the outcome."""
        status = spans.STATUS_ERROR if hop.outcome in names.FAILED_OUTCOMES else spans.STATUS_UNSET
        return self._sink.append(
            hop.scope,
            encode(hop.trace_id, hop.span_id, hop.start_ns, hop.end_ns, hop.head + tail, status),
        )

    def emit(self, hop: Hop, name: bytes, kind: int, tail: bytes) -> bool:
        """Encode and hand over one hop; `tail` is what its acknowledgement added."""
        return self._sink.append(hop.scope, self.encode(hop, name, kind, tail))

    def encode(self, hop: Hop, name: bytes, kind: int, tail: bytes) -> bytes:
        """One Span field. Sending it again with another outcome replaces it: the IDs and start stay."""
        return spans.span(
            hop.trace_id,
            hop.span_id,
            name,
            kind,
            hop.start_ns,
            hop.end_ns,
            hop.head + encode_outcome(hop.outcome) + tail,
            status=spans.STATUS_ERROR if hop.outcome in names.FAILED_OUTCOMES else spans.STATUS_UNSET,
            parent_span_id=hop.parent,
            parent_is_remote=bool(hop.parent),
            trace_state=hop.trace_state,
            links=hop.links,
        )

    def emit_many(self, scope: bytes, encoded: Iterable[bytes]) -> bool:
        """Hand over spans of one file together."""
        joined = list(encoded)
        return self._sink.append(scope, b"".join(joined), len(joined))

    def _scope(self, facility: str) -> bytes:
        described: dict[str, spans.AttributeValue] = {
            names.INTERFACE: self.interface.name,
            names.SOURCE: self.interface.source,
            names.DESTINATION: self.interface.destination,
            names.SYSTEM: self.interface.system,
        }
        if facility:
            described[names.FACILITY] = facility
        if fields := key_fields(self.interface.key_places):
            described[names.FIELDS] = fields
        return spans.scope(SCOPE_NAME, SCOPE_VERSION, described)
