"""An HL7 v2 message and its acknowledgement become one span.

Called by the MLLP proxy for live traffic and by `replay.Observer` for history. Reading happens while the
receiver works on the message (`read`), the rest when its answer is there (`answered`).
It must never raise: a message that cannot be read still passes, and is recorded as such.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple

from collector.taps.config import Hl7Key, MllpInterface
from collector.taps.fast_hl7 import Plan, Raw, accepted, identifiers, plain, plan
from collector.taps.hops import (
    MAX_CONTROL_ID,
    Emitter,
    Hop,
    KeyEncoder,
    Sink,
    by_code,
    encode_ack_code,
    encode_ack_size,
    encode_body_size,
    encode_conversation_id,
    encode_message,
    encode_message_id,
    encode_outcome,
    encode_pairing,
    encode_plain_conversation_id,
    encode_plain_message_id,
    encode_reason,
    encode_unread,
    message_identity,
)
from tracing import attributes as names
from tracing import spans
from tracing.context import message_trace_id
from tracing.keys import Key, business_key
from tracing.protocols.hl7v2 import Message, NotHL7, Path, compile_path, parse

KNOWN = 4096
RECENT = 1024
REMEMBERED = 256
_OUTCOMES = {
    "AA": "accepted",
    "CA": "accepted",
    "AE": "error",
    "CE": "error",
    "AR": "rejected",
    "CR": "rejected",
}
_EI = re.compile(r"(ORC-[2348]|OB[RX]-(2|3|28|29)|SCH-[12]|TXA-1[2-5])(\[|\.|$)")
_FORWARD = spans.attribute(names.OPERATION_NAME, "forward")
_FACILITY = compile_path("MSH-4.1")

KeyReader = Callable[[Message, list[Key]], None]


class Answer:
    """What an acknowledgement says, read once."""

    __slots__ = ("code", "control_id", "reason", "size")

    def __init__(self, payload: bytes) -> None:
        self.size = len(payload)
        usual = accepted(payload)
        if usual is not None:
            self.code, self.control_id = usual
            self.reason = ""
            return
        self.code = ""
        self.control_id = ""
        self.reason = ""
        try:
            message = parse(payload)
        except NotHL7:
            return
        self.code = message.ack_code
        self.control_id = message.ack_control_id
        if self.code not in ("AA", "CA"):
            self.reason = message.error_code


class Hl7Observer:
    """Reads the messages of one interface."""

    def __init__(self, interface: MllpInterface, keys: KeyEncoder, sink: Sink) -> None:
        self.interface = interface
        self.unread = 0
        self._emitter = Emitter(interface, sink, keys)
        self._append = sink.append
        self._readers = [_key_reader(rule, interface.authority) for rule in interface.keys]
        self._tags = [
            (compile_path(path), by_code(names.TAG + name)) for name, path in interface.attributes.items()
        ]
        self._encode = spans.prepared_span(f"forward {interface.name}".encode(), spans.KIND_PRODUCER)
        asked = [(compile_path(rule.path), rule.kind == "mrn") for rule in interface.keys]
        self._plan = plan(asked + [(path, False) for path, _ in self._tags])
        self._simple = _simple(self._plan, interface.keys, self._tags)
        # Trace ID and attributes by fields, and by whole segments: an encounter's next message often has the
        # same, and then they need not be cut.
        self._known: OrderedDict[tuple[bytes, ...], tuple[bytes, bytes]] = OrderedDict()
        self._recent: OrderedDict[tuple[bytes, ...], tuple[bytes, bytes]] = OrderedDict()
        self._heads: dict[bytes, bytes] = {}
        self._scopes: dict[bytes, bytes] = {}

    def read(self, payload: bytes, start_ns: int, size: int = 0) -> Hop:
        """The hop of a message that is complete at the tap.

        `size` in bytes where `payload` was too large to keep and is empty.
        """
        if size:
            return self._opaque(payload, start_ns, "too_large", size)
        try:
            raw = self._plan.read(payload) if self._plan is not None else None
            fields = None
            if raw is not None and (raw.control_id.isalnum() or plain(raw.control_id)):
                known = self._recent.get(raw.lines)
                if known is not None:
                    return self._again(raw, known, payload, start_ns)
                fields = self._plan.fields(raw.lines) if self._plan is not None else None
                if fields is not None:
                    known = self._known.get(fields) or self._learn(fields)
                    if known is not None:
                        self._recent[raw.lines] = known
                        if len(self._recent) > RECENT:
                            self._recent.popitem(last=False)
                        return self._again(raw, known, payload, start_ns)
            return self._read(parse(payload), payload, start_ns, fields)
        except NotHL7:
            return self._opaque(payload, start_ns, "not_hl7", len(payload))
        except Exception:  # whatever a message does to the reader, the message passes
            return self._opaque(payload, start_ns, "failed", len(payload))

    def answered(self, hop: Hop, answer: Answer, end_ns: int, pairing: str = "") -> bool:
        """Record the hop with its acknowledgement; `pairing` is empty where the control ID paired them."""
        hop.end_ns = end_ns
        hop.answered = answer.code or "?"
        hop.outcome = "mismatched" if pairing == "mismatched" else _OUTCOMES.get(answer.code, "none")
        tail = _tail(hop.outcome, answer.size, answer.code)
        if answer.control_id:
            tail += encode_conversation_id(answer.control_id)
        if answer.reason:
            tail += encode_reason(answer.reason)
        if pairing:
            tail += encode_pairing(pairing)
        return self._emitter.emit_usual(self._encode, hop, tail)

    def accepted(self, hop: Hop, size: int, end_ns: int) -> bool:
        """`answered` for an acknowledgement of `size` bytes that says AA and names the hop's `plain_id`."""
        hop.end_ns = end_ns
        hop.answered = "AA"
        hop.outcome = "accepted"
        return self._append(
            hop.scope,
            self._encode(
                hop.trace_id,
                hop.span_id,
                hop.start_ns,
                end_ns,
                hop.head + _tail("accepted", size, "AA") + encode_plain_conversation_id(hop.plain_id),
                spans.STATUS_UNSET,
            ),
        )

    def unanswered(self, hop: Hop, end_ns: int, outcome: str) -> bool:
        """Record the hop without one: `timeout` or `none`."""
        hop.end_ns = end_ns
        hop.outcome = outcome
        return self._emitter.emit_usual(self._encode, hop, encode_outcome(outcome))

    def _learn(self, fields: tuple[bytes, ...]) -> tuple[bytes, bytes] | None:
        """Find out, and remember, what these fields mean; None where that needs the general reader."""
        if self._simple is None:
            return None
        found: list[Key] = []
        for place, rule, authority, otherwise in self._simple.keys:
            field = fields[place]
            if not field:
                continue
            every = rule.kind == "mrn"
            values = identifiers(field if every else field.partition(b"~")[0], authority, otherwise)
            if values is None:
                return None
            for value, name in values:
                named = name if rule.authority is None else rule.authority
                key = business_key(rule.kind, value, named, self.interface.authority)
                if key is not None:
                    found.append(key)
        tags = b""
        for place, encode in self._simple.tags:
            field = fields[place]
            if plain(field):
                tags = encode(field.decode("ascii")) + tags
            elif field:
                return None
        trace, attributes = self._emitter.keys.encode(found)
        return self._remember(fields, trace, tags + attributes)

    def _remember(self, fields: tuple[bytes, ...], trace: bytes, attributes: bytes) -> tuple[bytes, bytes]:
        found = self._known[fields] = (trace, attributes)
        if len(self._known) > KNOWN:
            self._known.popitem(last=False)
        return found

    def _again(self, raw: Raw, known: tuple[bytes, bytes], payload: bytes, start_ns: int) -> Hop:
        """A message whose fields have all been read before: most are of an encounter just heard of."""
        emitter = self._emitter
        head = self._heads.get(raw.message)
        scope = self._scopes.get(raw.facility)
        if head is None or scope is None:
            message = parse(payload)
            head, scope = _FORWARD + encode_message(message.message_type), self._scope(message)
            if len(self._heads) < REMEMBERED and _names_trigger(raw.message):
                self._heads[raw.message] = head
            if len(self._scopes) < REMEMBERED:
                self._scopes[raw.facility] = scope
        plain_id = raw.control_id
        control_id = plain_id.decode("ascii")
        usual = len(plain_id) <= MAX_CONTROL_ID and plain_id.isalnum()
        trace, found = known
        hop = Hop(
            scope,
            trace or message_trace_id(emitter.site_key, emitter.name, message_identity(payload)),
            emitter.span_id(payload, start_ns),
            start_ns,
            control_id,
            b"".join(
                (
                    head,
                    encode_plain_message_id(plain_id) if usual else encode_message_id(control_id),
                    encode_body_size(len(payload)),
                    found,
                )
            ),
        )
        if usual:
            hop.plain_id = plain_id
        return hop

    def _scope(self, message: Message) -> bytes:
        if self.interface.facility_from_message:
            return self._emitter.scope_for(message.value(_FACILITY))
        return self._emitter.scope

    def _read(self, message: Message, payload: bytes, start_ns: int, fields: tuple[bytes, ...] | None) -> Hop:
        emitter = self._emitter
        found: list[Key] = []
        for reader in self._readers:
            reader(message, found)
        trace, key_attributes = emitter.keys.encode(found)
        control_id = message.control_id
        head = _FORWARD + encode_message(message.message_type)
        if control_id:
            head += encode_message_id(control_id)
        for path, encode in self._tags:
            value = message.value(path)
            if value:
                key_attributes = encode(value) + key_attributes
        if fields is not None:
            self._remember(fields, trace, key_attributes)
        return Hop(
            self._scope(message),
            trace or message_trace_id(emitter.site_key, emitter.name, message_identity(payload)),
            emitter.span_id(payload, start_ns),
            start_ns,
            control_id,
            head + encode_body_size(len(payload)) + key_attributes,
        )

    def _opaque(self, payload: bytes, start_ns: int, why: str, size: int) -> Hop:
        self.unread += 1
        emitter = self._emitter
        identity = b"%d|%d|%b" % (start_ns, size, message_identity(payload))
        return Hop(
            emitter.scope,
            message_trace_id(emitter.site_key, emitter.name, identity),
            emitter.span_id(identity, start_ns),
            start_ns,
            "",
            _FORWARD + encode_body_size(size) + encode_unread(why),
        )


class _Simple(NamedTuple):
    """Rules that a raw field answers alone: its place, the rule, where an authority may be named."""

    keys: list[tuple[int, Hl7Key, int, int]]
    tags: list[tuple[int, Callable[[str], bytes]]]


def _simple(
    made: Plan | None, rules: Iterable[Hl7Key], tags: list[tuple[Path, Callable[[str], bytes]]]
) -> _Simple | None:
    """None where a rule asks for more than the first component of the first repetition."""
    paths = [(compile_path(rule.path), rule) for rule in rules]
    named = [path for path, _ in paths] + [path for path, _ in tags]
    if made is None or any(p.component > 1 or p.subcomponent or p.repetition or p.occurrence for p in named):
        return None
    return _Simple(
        [
            (made.place(path), rule, *((2, 3) if rule.kind != "mrn" and _is_ei(path) else (4, 0)))
            for path, rule in paths
        ],
        [(made.place(path), encode) for path, encode in tags],
    )


def _is_ei(path: Path) -> bool:
    return _EI.match(f"{path.segment}-{path.field}") is not None


@lru_cache(maxsize=1024)
def _tail(outcome: str, size: int, code: str) -> bytes:
    return encode_outcome(outcome) + encode_ack_size(size) + encode_ack_code(code)


def _names_trigger(raw: bytes) -> bool:
    """Whether a raw MSH-9 says everything; without a trigger event EVN-1 has a say too."""
    parts = raw.split(b"^", 2)
    return len(parts) > 1 and parts[0].isalnum() and parts[1].isalnum()


def _key_reader(rule: Hl7Key, default: str) -> KeyReader:
    path = compile_path(rule.path)
    kind, forced = rule.kind, rule.authority
    if path.component > 1 or path.subcomponent > 1:
        return _plain(kind, path, forced or default)
    authority = () if forced is not None else _authority_paths(path)
    if kind == "mrn":
        return _every(kind, path, forced, default)
    candidates = tuple(compile_path(text) for text in authority)
    return _first(kind, path, candidates, forced or default)


def _authority_paths(path: Path) -> tuple[str, str]:
    """Where the assigning authority stands: CX.4.1, else CX.4.2; for order numbers EI.2, else EI.3."""
    repetition = f"[{path.repetition}]" if path.repetition else ""
    occurrence = f"[{path.occurrence}]" if path.occurrence else ""
    field = f"{path.segment}{occurrence}-{path.field}{repetition}"
    if _is_ei(path):
        return f"{field}.2", f"{field}.3"
    return f"{field}.4.1", f"{field}.4.2"


def _plain(kind: str, path: Path, authority: str) -> KeyReader:
    def read(message: Message, found: list[Key]) -> None:
        key = business_key(kind, message.value(path), None, authority)
        if key is not None:
            found.append(key)

    return read


def _first(kind: str, path: Path, authorities: tuple[Path, ...], default: str) -> KeyReader:
    def read(message: Message, found: list[Key]) -> None:
        value = message.value(path)
        if value is None:
            return
        authority = None
        for candidate in authorities:
            authority = message.value(candidate)
            if authority is not None:
                break
        key = business_key(kind, value, authority, default)
        if key is not None:
            found.append(key)

    return read


def _every(kind: str, path: Path, forced: str | None, default: str) -> KeyReader:
    def read(message: Message, found: list[Key]) -> None:
        for value, authority in message.cx(path):
            key = business_key(kind, value, authority if forced is None else forced, default)
            if key is not None:
                found.append(key)

    return read
