"""A batch of HL7 v2 messages in one block: a span for it, and one for each message under it.

Called by `observe_hl7`. Each message belongs to its own encounter: it has the trace of its own keys and a
link to the batch, or, without keys, the trace of the batch and the batch as its parent.
"""

from __future__ import annotations

from collector.taps.hl7_extras import Extras
from collector.taps.hops import (
    Emitter,
    Hop,
    encode_body_size,
    encode_message,
    encode_message_id,
    message_identity,
)
from tracing import attributes as names
from tracing import spans
from tracing.context import message_trace_id
from tracing.protocols.hl7v2_batch import Batch

MAX_MESSAGES = 5000
"""Of a batch, so many messages have spans; the others are counted as unseen. Reading them takes its time."""
WRONG_COUNT = "batch_count"
"""Coded reason where BTS-1 or FTS-1 is not what there was."""
_BATCH = spans.attribute(names.OPERATION_NAME, "batch")
_messages = spans.int_attribute(names.BATCH_MESSAGES)
_declared = spans.int_attribute(names.BATCH_DECLARED)


class BatchHop(Hop):
    """A batch on its way. What acknowledges it may name it, or any of its messages."""

    reason = ""

    def __init__(
        self, scope: bytes, trace: bytes, span: bytes, start_ns: int, control_id: str, head: bytes
    ) -> None:
        super().__init__(scope, trace, span, start_ns, control_id, head)
        self.children: list[Hop] = []
        self.members: dict[str, Hop] = {}
        """Its messages by control ID; of several with one, the first."""


def begin(batch: Batch, payload: bytes, start_ns: int, emitter: Emitter, extras: Extras) -> BatchHop:
    """The hop of a batch, without its messages."""
    identity = message_identity(payload)
    head = _BATCH + encode_message(batch.name) + encode_body_size(len(payload))
    head += _messages(len(batch.messages)) + extras.body(payload)
    if batch.control_id:
        head += encode_message_id(batch.control_id)
    wrong = batch.wrong_count
    if wrong is not None:
        head += _declared(wrong)
    hop = BatchHop(
        emitter.scope,
        message_trace_id(emitter.site_key, emitter.name, identity),
        emitter.span_id(identity, start_ns),
        start_ns,
        batch.control_id,
        head,
    )
    if wrong is not None:
        hop.reason = WRONG_COUNT
    return hop


def belong(batch: BatchHop, child: Hop, keyless: bool) -> None:
    """Put a message under its batch; `keyless` where nothing but its content gave it a trace."""
    batch.children.append(child)
    if child.control_id:
        batch.members.setdefault(child.control_id, child)
    child.plain_id = b""
    if keyless and not child.parent:
        child.trace_id, child.parent = batch.trace_id, batch.span_id
    else:
        child.links += spans.link(batch.trace_id, batch.span_id)
