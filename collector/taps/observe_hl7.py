"""An HL7 v2 message and its acknowledgement become one span; a batch becomes one more.

Called by the MLLP tap for live traffic and by `replay.Observer` for history. Reading happens while the
receiver works on the message (`read`), the rest when its answer is there (`answered`).
It must never raise: a message that cannot be read still passes, and is recorded as such.
"""

from __future__ import annotations

from collections import OrderedDict

from collector.taps.capture import captor
from collector.taps.config import MllpInterface
from collector.taps.fast_hl7 import Raw, names_trigger, plain
from collector.taps.hl7_answer import Answer, encode_verdict
from collector.taps.hl7_batch import MAX_MESSAGES, BatchHop, begin, belong
from collector.taps.hl7_context import continued
from collector.taps.hl7_extras import Extras
from collector.taps.hl7_identity import Hl7Identity, may_change
from collector.taps.hl7_keys import Hl7Keys
from collector.taps.hl7_measures import CURRENCY, Hl7Measures
from collector.taps.hl7_patients import further
from collector.taps.hops import (
    MAX_CONTROL_ID,
    Emitter,
    Hop,
    KeyEncoder,
    Sink,
    by_code,
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
from tracing.protocols.hl7v2 import Message, NotHL7, compile_path, parse
from tracing.protocols.hl7v2_batch import is_batch, open_batch
from tracing.protocols.hl7v2_context import NAME as CONTEXT
from tracing.protocols.hl7v2_context import strip

__all__ = ["Answer", "Hl7Observer"]

KNOWN = 2048
RECENT = 1024
REMEMBERED = 256
WHOLE = 1 << 20  # Of longer messages, so many bytes are read for keys: what makes them long is a document.
_FORWARD = spans.attribute(names.OPERATION_NAME, "forward")
_PROCESS = spans.attribute(names.OPERATION_NAME, "process") + spans.attribute(names.OPERATION, "process")
_FACILITY = compile_path("MSH-4.1")
_CARRYING = CONTEXT + b"|"
_Raws = tuple[bytes, ...]


class Hl7Observer:
    """Reads the messages of one interface."""

    def __init__(self, interface: MllpInterface, keys: KeyEncoder, sink: Sink) -> None:
        self.interface = interface
        self.unread = 0
        self.unseen = 0
        """Messages that passed without being read as they should have been: too large, or reading failed."""
        self.captor = captor(interface.capture, keys.sealer.site_key)
        self._emitter = Emitter(interface, sink, keys)
        self._append = sink.append
        tags = [(path, by_code(names.TAG + name)) for name, path in interface.attributes.items()]
        self._measures = Hl7Measures(interface.measures, CURRENCY not in interface.attributes)
        self._keys = Hl7Keys(
            interface.keys, interface.authority, keys.authorities, tags, self._measures.segments
        )
        self._identity = Hl7Identity(list(interface.keys), interface.authority, keys)
        self._name = f"forward {interface.name}".encode()
        self._processed = f"process {interface.name}".encode()
        self._encode = spans.prepared_span(self._name, spans.KIND_PRODUCER)
        self._extras = Extras(interface, self.captor)
        self._plan = self._keys.plan
        # Trace ID and attributes by fields and by whole segments: the next message often has the same.
        self._known: OrderedDict[tuple[bytes, ...], tuple[bytes, bytes]] = OrderedDict()
        self._recent: OrderedDict[tuple[bytes, ...], tuple[bytes, bytes]] = OrderedDict()
        keys.joined(self)
        self._heads: dict[bytes, bytes] = {}
        self._scopes: dict[bytes, bytes] = {}

    def read(self, payload: bytes, start_ns: int, size: int = 0) -> Hop:
        """The hop of a complete message; a `size` says that `payload` is only its beginning."""
        try:
            if size:
                return self._too_large(payload, start_ns, size)
            if len(payload) > WHOLE:
                return self._long(payload, start_ns)
            raw = self._plan.read(payload) if self._plan is not None else None
            fields = None
            if (
                raw is not None
                and (raw.control_id.isalnum() or plain(raw.control_id))
                and not may_change(raw.message)
            ):
                known = self._recent.get(raw.lines)
                if known is not None:
                    return self._again(raw, known, payload, payload, start_ns)
                if raw.lines and raw.lines[-1][:4] == _CARRYING:
                    return self._carrying(raw, payload, start_ns)
                fields, known = self._find(raw.lines)
                if known is not None:
                    return self._again(raw, known, payload, payload, start_ns)
            if is_batch(payload):
                return self._batch(payload, start_ns)
            hop = self._read(parse(payload), payload, start_ns, fields)
            return continued(hop, payload) if CONTEXT in payload else hop
        except NotHL7:
            return self._opaque(payload, start_ns, "not_hl7", size or len(payload))
        except Exception:  # whatever a message does to the reader, the message passes
            self.unseen += 1
            return self._opaque(payload, start_ns, "failed", size or len(payload))

    def answered(self, hop: Hop, answer: Answer, end_ns: int, pairing: str = "") -> bool:
        """Record the hop with its acknowledgement; `pairing` is empty where the control ID paired them."""
        hop.end_ns = end_ns
        hop.answered = answer.code or "?"
        hop.outcome = "mismatched" if pairing == "mismatched" else answer.outcome
        tail = encode_verdict(hop.outcome, answer.size, answer.code)
        if answer.control_id:
            tail += encode_conversation_id(answer.control_id)
        if isinstance(hop, BatchHop):
            tail += encode_reason(answer.reason or hop.reason)
        elif answer.reason:
            tail += encode_reason(answer.reason)
        if pairing:
            tail += encode_pairing(pairing)
        captured = self.captor.answer(answer.payload) if self.captor is not None else b""
        recorded = self._record(hop, tail, captured)
        if isinstance(hop, BatchHop):
            for child in hop.children:
                own = answer.each.get(child.control_id, answer)
                recorded = self.answered(child, own, end_ns, pairing) and recorded
        return recorded

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
                hop.head
                + encode_verdict("accepted", size, "AA")
                + encode_plain_conversation_id(hop.plain_id),
                spans.STATUS_UNSET,
            ),
        )

    def unanswered(self, hop: Hop, end_ns: int, outcome: str) -> bool:
        """Record the hop without one: `timeout` or `none`."""
        hop.end_ns = end_ns
        hop.outcome = outcome
        tail = encode_outcome(outcome)
        if isinstance(hop, BatchHop):
            if hop.reason:
                tail += encode_reason(hop.reason)
            for child in hop.children:
                self.unanswered(child, end_ns, outcome)
        return self._record(hop, tail)

    def processed(self, hop: Hop, answer: Answer, end_ns: int) -> bool:
        """Record what the application says of a hop received before; a refusal is that hop's outcome too."""
        below = Hop(
            hop.scope,
            hop.trace_id,
            self._emitter.span_id(b"process|" + hop.span_id, hop.start_ns),
            hop.end_ns,
            hop.control_id,
            _PROCESS + hop.head.removeprefix(_FORWARD),
        )
        below.parent, below.end_ns, below.outcome = hop.span_id, end_ns, answer.outcome
        tail = encode_verdict(below.outcome, answer.size, answer.code) + encode_conversation_id(
            answer.control_id
        )
        if answer.reason:
            tail += encode_reason(answer.reason)
        if self.captor is not None:
            tail += self.captor.answer(answer.payload)
        recorded = self._record(below, tail, b"", self._processed, spans.KIND_CONSUMER, remote=False)
        hop.answered = answer.code or "?"
        if answer.outcome != "accepted":
            recorded = self.answered(hop, answer, end_ns) and recorded
        return recorded

    def _record(
        self,
        hop: Hop,
        tail: bytes,
        captured: bytes = b"",
        name: bytes = b"",
        kind: int = spans.KIND_PRODUCER,
        remote: bool = True,
    ) -> bool:
        for other in hop.others:
            other.end_ns, other.outcome = hop.end_ns, hop.outcome
            if not self._record(other, tail):
                return False
        tail += captured
        if not (hop.parent or hop.links or name):
            return self._emitter.emit_usual(self._encode, hop, tail)
        return self._append(
            hop.scope,
            spans.span(
                hop.trace_id,
                hop.span_id,
                name or self._name,
                kind,
                hop.start_ns,
                hop.end_ns,
                hop.head + tail,
                status=spans.STATUS_ERROR if hop.outcome in names.FAILED_OUTCOMES else spans.STATUS_UNSET,
                parent_span_id=hop.parent,
                parent_is_remote=bool(hop.parent) and remote,
                links=hop.links,
            ),
        )

    def _find(self, lines: tuple[bytes, ...]) -> tuple[tuple[bytes, ...] | None, tuple[bytes, bytes] | None]:
        """The planned fields of these segments, and what they mean; None each where that is not plain."""
        fields = self._plan.fields(lines) if self._plan is not None else None
        if fields is None:
            return None, None
        known = self._known.get(fields) or self._learn(fields)
        if known is not None:
            measured = self._measures.of_lines(lines)
            if measured:
                known = known[0], known[1] + measured
            self._recent[lines] = known
            if len(self._recent) > self._emitter.keys.share(RECENT):
                self._recent.popitem(last=False)
        return fields, known

    def _carrying(self, raw: Raw, payload: bytes, start_ns: int) -> Hop:
        """A message that brings a context in its last planned segment."""
        lines = raw.lines[:-1]
        known = self._recent.get(lines) or self._find(lines)[1]
        if known is None:
            hop = self._read(parse(payload), payload, start_ns, None)
        else:
            hop = self._again(raw, known, payload, strip(payload), start_ns)
        return continued(hop, payload)

    def _learn(self, fields: tuple[bytes, ...]) -> tuple[bytes, bytes] | None:
        """Find out, and remember, what these fields mean; None where that needs the general reader."""
        learnt = self._keys.learn(fields)
        if learnt is None:
            return None
        trace, attributes = self._emitter.keyed(learnt[0])
        return self._remember(fields, trace, learnt[1] + attributes)

    def _remember(self, fields: tuple[bytes, ...], trace: bytes, attributes: bytes) -> tuple[bytes, bytes]:
        found = self._known[fields] = (trace, attributes)
        if len(self._known) > self._emitter.keys.share(KNOWN):
            self._known.popitem(last=False)
        return found

    def _again(
        self, raw: Raw, known: tuple[bytes, bytes], payload: bytes, content: bytes, start_ns: int
    ) -> Hop:
        """A message whose fields have all been read before: most are of an encounter just heard of."""
        emitter = self._emitter
        head = self._heads.get(raw.message)
        scope = self._scopes.get(raw.facility)
        if head is None or scope is None:
            message = parse(payload)
            head, scope = _FORWARD + encode_message(message.message_type), self._scope(message)
            if len(self._heads) < REMEMBERED and names_trigger(raw.message):
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
                    self._extras.of(content, start_ns),
                )
            ),
        )
        if usual and not self._extras.answers:
            hop.plain_id = plain_id
        return hop

    def _scope(self, message: Message) -> bytes:
        if self.interface.facility_from_message:
            return self._emitter.scope_for(message.value(_FACILITY))
        return self._emitter.scope

    def _read(
        self,
        message: Message,
        payload: bytes,
        start_ns: int,
        fields: _Raws | None,
        size: int = 0,
        whole: bool = True,
    ) -> Hop:
        emitter = self._emitter
        found, tags = self._keys.read(message)
        identity, more = self._identity.read(message)
        trace, key_attributes = emitter.keyed(found + more)
        key_attributes = tags + key_attributes
        control_id = message.control_id
        head = _FORWARD + encode_message(message.message_type)
        if control_id:
            head += encode_message_id(control_id)
        if fields is not None:
            self._remember(fields, trace, key_attributes)
        key_attributes += identity
        if whole and not size:
            key_attributes += self._measures.read(message)
        if size:
            key_attributes += encode_unread("too_large")
        else:
            content = strip(payload) if CONTEXT in payload else payload
            key_attributes += self._extras.of(content, start_ns)
        hop = Hop(
            self._scope(message),
            trace or message_trace_id(emitter.site_key, emitter.name, message_identity(payload)),
            emitter.span_id(payload, start_ns),
            start_ns,
            control_id,
            head + encode_body_size(size or len(payload)) + key_attributes,
        )
        if not size:
            hop.others = tuple(further(message, hop, head, emitter, self._keys, self._measures))
        return hop

    def _batch(self, payload: bytes, start_ns: int) -> Hop:
        batch = open_batch(payload)
        if batch is None:
            raise NotHL7
        emitter = self._emitter
        hop = begin(batch, payload, start_ns, emitter, self._extras)
        self.unseen += max(0, len(batch.messages) - MAX_MESSAGES)
        for message in batch.messages[:MAX_MESSAGES]:
            child = self.read(message, start_ns)
            keyless = message_trace_id(emitter.site_key, emitter.name, message_identity(message))
            belong(hop, child, child.trace_id == keyless)
        return hop

    def _long(self, payload: bytes, start_ns: int) -> Hop:
        if is_batch(payload):
            return self._batch(payload, start_ns)
        end = max(payload.rfind(b"\r", 0, WHOLE), payload.rfind(b"\n", 0, WHOLE)) + 1
        hop = self._read(parse(payload[: end or WHOLE]), payload, start_ns, None, whole=False)
        return continued(hop, payload) if CONTEXT in payload else hop

    def _too_large(self, beginning: bytes, start_ns: int, size: int) -> Hop:
        self.unseen += 1
        try:
            # Who it is about stands at its beginning; what made it large, behind.
            message = parse(beginning) if not is_batch(beginning) else None
        except NotHL7:
            message = None
        if message is None:
            return self._opaque(beginning, start_ns, "too_large", size)
        self.unread += 1
        return self._read(message, beginning, start_ns, None, size)

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
