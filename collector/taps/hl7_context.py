"""Context that came along in an HL7 v2 message is continued: its trace, and its sender's span as the parent.

Called by `observe_hl7` for every message that has a `ZTC` segment. It changes no message.
"""

from __future__ import annotations

from collector.taps.hops import Hop
from tracing import attributes as names
from tracing import spans
from tracing.context import parse_traceparent
from tracing.protocols.hl7v2_context import carried

_derived = spans.string_attribute(names.DERIVED_TRACE)


def continued(hop: Hop, payload: bytes) -> Hop:
    """Propagated context wins; what the keys say stays reachable as a link and an attribute."""
    found = carried(payload)
    context = parse_traceparent(found.traceparent) if found is not None else None
    if context is None:
        return hop
    if hop.trace_id != context.trace_id:
        hop.links = spans.link(hop.trace_id, hop.span_id)
        hop.head += _derived(hop.trace_id.hex())
    hop.trace_id, hop.parent, hop.plain_id = context.trace_id, context.span_id, b""
    return hop
