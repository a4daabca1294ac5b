"""An X12 file becomes spans: one per transaction, and one per claim, inquiry, order or verdict in it.

Called by the folder tap for files as they appear, and by `replay` for history. A claim belongs to its own
encounter, so its span has the trace of its own keys and a link to the transaction's span. What an answer can
name has a span ID that follows from that name alone: so a 999 links to its 837, a 277CA to its claims and a
271 to its 270 without anybody asking anybody. It must never raise, and never let content out except as
codes, control numbers and tokens.
"""

from __future__ import annotations

from datetime import tzinfo

from collector.archives.times import x12_time
from collector.taps.config import FolderInterface
from collector.taps.files_seen import FirstSeen
from collector.taps.hops import (
    KeyEncoder,
    Sink,
    encode_ack_code,
    encode_body_size,
    encode_conversation_id,
    encode_measure,
    encode_message,
    encode_message_id,
    encode_reason,
)
from collector.taps.observe_files import RECEIVE, Recorded, Recorder
from tracing import attributes as names
from tracing import spans
from tracing.context import message_trace_id, span_id
from tracing.keys import Key, business_key
from tracing.protocols.x12 import (
    InterchangeAcknowledgement,
    Part,
    Transaction,
    X12Error,
    answered_interchange,
    describe,
    parts,
)
from tracing.protocols.x12_parts import Keys, Measures

MOST_LINKS = 64
_SET = "set|"
"""How the name of a transaction set begins: what was in it can be told from it."""
_KNOWN_BY_NAME = "x12"
"""In place of an interface: whoever reads an answer does not know where its question was observed."""


class X12Observer(Recorded):
    """Reads the files of one interface; `seen` knows which span of a name was the first."""

    def __init__(
        self, interface: FolderInterface, keys: KeyEncoder, sink: Sink, seen: FirstSeen | None = None
    ) -> None:
        self.interface = interface
        self._seen = seen or FirstSeen(":memory:")
        self._record = Recorder(interface, keys, sink)
        self._site_key = keys.sealer.site_key
        self._names = {
            one: (f"{one} {interface.name}".encode(), spans.attribute(names.OPERATION_NAME, one))
            for one in ("claim", "inquiry", "order", "acknowledge")
        }

    def observe(self, data: bytes, at_ns: int, *, skip: int = 0, zone: tzinfo | None = None) -> int:
        """Record every transaction in a file that was complete at `at_ns`; the number of spans."""
        record = self._record
        record.begin()
        errors, findings = _Few(), _Few()
        why = "not_x12"
        try:
            view = data[skip:] if skip else data
            for one in parts(view, errors, findings):
                record.place = skip + one.offset
                if isinstance(one, InterchangeAcknowledgement):
                    self._interchange_acknowledgement(one, self._when(one.own[9], one.own[10], at_ns, zone))
                else:
                    self._transaction(one, self._when(one.date, one.time, at_ns, zone), skip)
        except Exception:  # one file that nobody foresaw must not stop the folder
            why = "failed"
            record.trouble("the reader failed", "byte", record.place, True)
        for found, unread in ((errors, True), (findings, False)):
            for error in found:
                record.trouble(error.message, "byte", skip + error.offset, unread)
        return record.end(data, at_ns, why)

    def _when(self, date: str, time: str, at_ns: int, zone: tzinfo | None) -> int:
        found = x12_time(date, time, zone) if zone is not None else None
        return at_ns if found is None else found

    def _interchange_acknowledgement(self, ta1: InterchangeAcknowledgement, at_ns: int) -> None:
        record = self._record
        own = ta1.own[13]
        trace, meeting = self._by_name(answered_interchange(ta1))
        head = RECEIVE + encode_message("TA1") + encode_message_id(own)
        head += encode_conversation_id(ta1.isa13) + encode_ack_code(ta1.code)
        if ta1.outcome == "rejected":
            head += encode_reason(ta1.note)
        hop = record.hop(f"TA1|{own}|{ta1.isa13}".encode("utf-8", "replace"), at_ns, trace, head)
        hop.links = spans.link(trace, meeting)
        record.record(hop, ta1.outcome)

    def _transaction(self, transaction: Transaction, at_ns: int, skip: int) -> None:
        record = self._record
        summary, found = describe(transaction)
        size = sum(len(element) + 1 for segment in transaction.segments for element in segment)
        head = RECEIVE + encode_message(transaction.message) + encode_message_id(transaction.control_id)
        head += encode_body_size(size) + _codes(summary.status, summary.reason, summary.measures)
        head += encode_conversation_id(summary.conversation) if summary.conversation else b""
        about = [name for name in summary.answers if name.startswith(_SET)]
        # Of several verdicts each is a part.
        head += self._batch(about[0]) if len(about) == 1 else b""
        key_trace, key_attributes = record.emitter.keyed(self._keys(summary.keys))
        known_trace, known_span = self._by_name(summary.identity)
        links = [self._by_name(name) for name in (*summary.meets, *summary.answers[:MOST_LINKS])]
        mark = f"{self.interface.name}|{at_ns}|{transaction.offset + skip}"
        first = self._seen.first(known_span, mark)
        identity = f"{summary.identity}|{transaction.isa13}|{size}|{transaction.offset + skip}"
        trace = key_trace or (known_trace if first else b"")
        if key_trace or not first:
            # Its answer knows it by name only: where it is not that itself, it says so.
            links.append((known_trace, known_span))
        hop = record.hop(
            identity.encode("utf-8", "replace"), at_ns, trace, head + key_attributes,
            known_span if first else b"",
        )  # fmt: skip
        hop.links = b"".join(spans.link(*link) for link in links)
        record.record(hop, summary.outcome)
        own = spans.link(hop.trace_id, hop.span_id)
        batch = self._batch(summary.identity)
        named: set[str] = set()
        for index, part in enumerate(found):
            # Asked twice, in two files of their own numbers: the second question is another message.
            by_name = (
                first
                and bool(part.identity)
                and part.identity not in named
                and self._seen.first(self._by_name(part.identity)[1], mark)
            )
            named.add(part.identity)
            self._part(transaction, part, f"{identity}|{index}", at_ns, own, by_name, batch)

    def _part(
        self,
        transaction: Transaction,
        part: Part,
        identity: str,
        at_ns: int,
        own: bytes,
        by_name: bool,
        batch: bytes,
    ) -> None:
        record = self._record
        trace, key_attributes = record.emitter.keyed(self._keys(part.keys))
        name, operation = self._names[part.operation]
        head = operation + encode_message(transaction.message) + encode_message_id(transaction.control_id)
        head += _codes(part.status, part.reason, part.measures) + key_attributes
        head += self._batch(part.answers) if part.answers.startswith(_SET) else batch
        links = own
        if part.answers:
            answered_trace, answered = self._by_name(part.answers)
            # A claim is in the trace of its keys, the same for both sides; a transaction in that of its name.
            links += spans.link(trace or answered_trace, answered)
            trace = trace or answered_trace
        span = self._by_name(part.identity)[1] if by_name else b""
        hop = record.hop(identity.encode("utf-8", "replace"), at_ns, trace, head, span)
        hop.links = links
        record.record(hop, part.outcome if transaction.complete else "error", name)

    def _batch(self, name: str) -> bytes:
        return spans.attribute(names.BATCH, self._by_name(name)[0].hex())

    def _by_name(self, name: str) -> tuple[bytes, bytes]:
        """Trace and span ID of whatever has this name, wherever it is observed."""
        # Control numbers belong to sender and receiver, what a claim is called to the site.
        whose = "" if name.startswith((_SET, "interchange|")) else self.interface.authority
        identity = f"{whose}|{name}".encode("utf-8", "replace")
        return (
            message_trace_id(self._site_key, _KNOWN_BY_NAME, identity),
            span_id(self._site_key, _KNOWN_BY_NAME, identity, 0),
        )

    def _keys(self, keys: Keys) -> list[Key]:
        own = self.interface.authority
        found = (business_key(kind, value, authority or None, own) for kind, authority, value in keys)
        return [key for key in found if key is not None]


class _Few(list[X12Error]):
    """The first errors of a file; one that is nothing but errors must not fill the memory with them."""

    def append(self, error: X12Error) -> None:
        """Keep it if it is one of the first."""
        if len(self) < 1000:
            super().append(error)


def _codes(status: str, reason: str, measures: Measures) -> bytes:
    found = encode_ack_code(status) if status else b""
    if reason:
        found += encode_reason(reason)
    return found + b"".join(encode_measure(name, float(value)) for name, value in measures)
