"""An X12 file becomes spans: one per transaction, and one per claim in it.

Called by the folder tap for files as they appear and by `replay.Observer` for history. A claim belongs to its
own encounter, so its span has the trace of its own keys and a link to the transaction's span.
It must never raise, and never let a file's name or content out except as codes, control numbers and tokens.
"""

from __future__ import annotations

from collector.taps.config import FolderInterface
from collector.taps.hops import (
    Emitter,
    Hop,
    KeyEncoder,
    Sink,
    encode_ack_code,
    encode_body_size,
    encode_conversation_id,
    encode_measure,
    encode_message,
    encode_message_id,
    encode_reason,
    encode_unread,
)
from tracing import attributes as names
from tracing import spans
from tracing.context import message_trace_id
from tracing.keys import Key, business_key
from tracing.protocols.x12 import (
    Claim,
    Interchange,
    InterchangeAcknowledgement,
    Transaction,
    X12Error,
    claims,
    functional_acknowledgement,
    interchanges,
)

_RECEIVE = spans.attribute(names.OPERATION_NAME, "receive")
_CLAIM = spans.attribute(names.OPERATION_NAME, "claim")


class X12Observer:
    """Reads the files of one interface."""

    def __init__(self, interface: FolderInterface, keys: KeyEncoder, sink: Sink) -> None:
        self.interface = interface
        self.unread = 0
        self._emitter = Emitter(interface, sink, keys)
        self._transaction_name = f"receive {interface.name}".encode()
        self._claim_name = f"claim {interface.name}".encode()

    def observe(self, data: bytes, at_ns: int) -> int:
        """Record every transaction and claim in a file that was complete at `at_ns`; the number of spans."""
        try:
            errors: list[X12Error] = []
            encoded = [
                one
                for interchange in interchanges(data, errors)
                for one in self._interchange(interchange, at_ns)
            ]
            if errors:
                encoded.append(self._unread(data, at_ns, "not_x12"))
        except Exception:  # one file that nobody foresaw must not stop the folder
            encoded = [self._unread(data, at_ns, "failed")]
        self._emitter.emit_many(self._emitter.scope, encoded)
        return len(encoded)

    def too_large(self, size: int, at_ns: int) -> None:
        """Record a file that is too large to be read."""
        self._emitter.emit_many(self._emitter.scope, [self._unread(b"", at_ns, "too_large", size)])

    def _interchange(self, interchange: Interchange, at_ns: int) -> list[bytes]:
        encoded: list[bytes] = []
        for acknowledgement in interchange.acknowledgements:
            encoded.append(self._acknowledgement(interchange, acknowledgement, at_ns))
        for transaction in interchange.transactions:
            encoded += self._transaction(transaction, at_ns)
        return encoded

    def _acknowledgement(
        self, interchange: Interchange, ta1: InterchangeAcknowledgement, at_ns: int
    ) -> bytes:
        identity = f"TA1|{interchange.isa13}|{ta1.isa13}".encode()
        head = _RECEIVE + encode_message("TA1") + encode_message_id(interchange.isa13)
        head += encode_conversation_id(ta1.isa13) + encode_ack_code(ta1.code)
        if ta1.outcome == "rejected":
            head += encode_reason(ta1.note)
        return self._encode(self._hop(identity, at_ns, b"", head), ta1.outcome, self._transaction_name)

    def _transaction(self, transaction: Transaction, at_ns: int) -> list[bytes]:
        found = claims(transaction)
        head = _RECEIVE + encode_message(transaction.message) + encode_message_id(transaction.control_id)
        outcome, tail = self._verdict(transaction, found)
        remittance: list[Key] = []
        if transaction.st01 == "835" and found:
            key = business_key("remittance", found[0].reference, None, self.interface.authority)
            remittance = [key] if key is not None else []
        trace, key_attributes = self._emitter.keys.encode(remittance)
        size = sum(len(element) + 1 for segment in transaction.segments for element in segment)
        head += encode_body_size(size) + tail + key_attributes
        identity = "|".join(
            (transaction.isa06, transaction.isa08, transaction.message, transaction.control_id, str(size))
        ).encode("utf-8", "replace")
        hop = self._hop(identity, at_ns, trace, head)
        link = spans.link(hop.trace_id, hop.span_id)
        encoded = [self._encode(hop, outcome, self._transaction_name)]
        for index, claim in enumerate(found):
            encoded.append(self._claim(transaction, claim, b"%b|%d" % (identity, index), at_ns, link))
        return encoded

    def _verdict(self, transaction: Transaction, found: list[Claim]) -> tuple[str, bytes]:
        answer = functional_acknowledgement(transaction)
        if answer is None:
            reference = found[0].reference if found and transaction.message == "277CA" else ""
            return "accepted", encode_conversation_id(reference) if reference else b""
        tail = encode_ack_code(answer.code)
        if answer.sets:
            tail += encode_conversation_id(f"{answer.gs06}-{answer.sets[0].st02}")
            errors = [error for one in answer.sets for error in one.errors]
            if errors and answer.outcome == "rejected":
                tail += encode_reason(errors[0])
        elif answer.gs06:
            tail += encode_conversation_id(answer.gs06)
        return answer.outcome, tail

    def _claim(
        self, transaction: Transaction, claim: Claim, identity: bytes, at_ns: int, link: bytes
    ) -> bytes:
        authority = self.interface.authority
        # CLM01 usually is the patient account number, and is what both sides know the claim by.
        candidates = [
            business_key("account", claim.clm01, None, authority),
            business_key("claim", claim.clm01, None, authority),
        ]
        if transaction.st01 == "837":
            candidates.append(business_key("mrn", claim.refs.get("EA"), None, authority))
        trace, key_attributes = self._emitter.keys.encode([key for key in candidates if key is not None])
        head = _CLAIM + encode_message(transaction.message) + encode_message_id(transaction.control_id)
        if claim.status:
            head += encode_ack_code(".".join(filter(None, transaction.components(claim.status))))
        if claim.reason:
            head += encode_reason(claim.reason)
        if claim.amount is not None:
            head += encode_measure("amount", float(claim.amount))
        if claim.charge is not None and claim.charge != claim.amount:
            head += encode_measure("charge", float(claim.charge))
        hop = self._hop(identity, at_ns, trace, head + key_attributes)
        hop.links = link
        # An 837 carries no verdict: that it was written is what the interface had to do.
        outcome = "accepted" if transaction.st01 == "837" else claim.outcome
        return self._encode(hop, outcome, self._claim_name)

    def _unread(self, data: bytes, at_ns: int, why: str, size: int = 0) -> bytes:
        self.unread += 1
        head = _RECEIVE + encode_body_size(size or len(data)) + encode_unread(why)
        return self._encode(
            self._hop(data or b"%d" % size, at_ns, b"", head), "error", self._transaction_name
        )

    def _hop(self, identity: bytes, at_ns: int, trace: bytes, head: bytes) -> Hop:
        emitter = self._emitter
        own = trace or message_trace_id(emitter.site_key, emitter.name, b"%d|%b" % (at_ns, identity[:4096]))
        hop = Hop(emitter.scope, own, emitter.span_id(identity, at_ns), at_ns, "", head)
        hop.end_ns = at_ns
        return hop

    def _encode(self, hop: Hop, outcome: str, name: bytes) -> bytes:
        hop.outcome = outcome
        return self._emitter.encode(hop, name, spans.KIND_CONSUMER, b"")
