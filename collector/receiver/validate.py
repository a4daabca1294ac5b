"""Is this body an ExportTraceServiceRequest whose spans can be kept? One C parse and a look at the ids.

Called for every body, in a worker thread. The bytes go on to the log as they came; only when spans must be
rejected is the message written anew, without them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from operator import attrgetter

from google.protobuf.message import DecodeError  # type: ignore[import-untyped,unused-ignore]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans

from collector.receiver.refusal import bad

TRACE_ID = 16
SPAN_ID = 8
_NO_TRACE = bytes(TRACE_ID)
_NO_SPAN = bytes(SPAN_ID)
_ids = attrgetter("trace_id", "span_id")


@dataclass(frozen=True, slots=True)
class Checked:
    """`body`: what is to be stored, empty when no span is left. `spans` of it; `rejected` and why."""

    body: bytes
    spans: int
    rejected: int = 0
    message: str = ""


def check(body: bytes) -> Checked:
    """Check a protobuf body. Raises Refusal (400) when it is not an ExportTraceServiceRequest."""
    try:
        request = ExportTraceServiceRequest.FromString(body)
    except DecodeError:
        raise bad(
            "the body is not an ExportTraceServiceRequest in protobuf: truncated, not UTF-8 in a text, "
            "or another message"
        ) from None
    return check_request(request, body)


def check_request(request: ExportTraceServiceRequest, body: bytes | None) -> Checked:
    """Check a parsed request; `body` are its bytes, None when it was built here."""
    count = 0
    faulty: list[tuple[str, ScopeSpans]] = []
    for outer, resource in enumerate(request.resource_spans):
        for inner, scope in enumerate(resource.scope_spans):
            spans = scope.spans
            count += len(spans)
            for trace_id, span_id in map(_ids, spans):
                if (
                    len(trace_id) != TRACE_ID
                    or len(span_id) != SPAN_ID
                    or trace_id == _NO_TRACE
                    or span_id == _NO_SPAN
                ):
                    faulty.append((f"resource_spans[{outer}].scope_spans[{inner}]", scope))
                    break
    if not count:
        return Checked(b"", 0)
    if not faulty:
        return Checked(body if body is not None else request.SerializeToString(), count)
    rejected, message = _drop(faulty)
    kept = count - rejected
    return Checked(request.SerializeToString() if kept else b"", kept, rejected, message)


def _drop(faulty: list[tuple[str, ScopeSpans]]) -> tuple[int, str]:
    reasons: Counter[str] = Counter()
    first: dict[str, str] = {}
    for path, scope in faulty:
        for index in reversed(range(len(scope.spans))):
            reason = _fault(*_ids(scope.spans[index]))
            if reason is not None:
                reasons[reason] += 1
                first[reason] = f"{path}.spans[{index}]"
                del scope.spans[index]
    rejected = reasons.total()
    parts = [f"{number} with {reason} ({first[reason]})" for reason, number in sorted(reasons.items())]
    return rejected, f"{rejected} span{'s' if rejected > 1 else ''} rejected: {', '.join(parts)}"


def _fault(trace_id: bytes, span_id: bytes) -> str | None:
    """What is wrong with a span's ids (trace.proto: 16 and 8 bytes, not all zero), or None."""
    if len(trace_id) != TRACE_ID:
        return "a trace_id that is not 16 bytes"
    if trace_id == _NO_TRACE:
        return "an all-zero trace_id"
    if len(span_id) != SPAN_ID:
        return "a span_id that is not 8 bytes"
    if span_id == _NO_SPAN:
        return "an all-zero span_id"
    return None
