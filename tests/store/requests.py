"""OTLP requests as taps send them, for tests and for whoever wants bodies of a tap's shape."""

from __future__ import annotations

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span

VISIT, ACCOUNT, MRN = "1" * 32, "2" * 32, "3" * 32


def tap_request(spans: int = 1) -> tuple[ExportTraceServiceRequest, ScopeSpans]:
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    resource_spans.resource.attributes.add(key="service.name").value.string_value = "caretrail-tap"
    resource_spans.resource.attributes.add(key="caretrail.site").value.string_value = "NSH"
    scope_spans = resource_spans.scope_spans.add()
    scope_spans.scope.name = "caretrail.tap"
    for key, value in {
        "integration.interface": "ehr-adt",
        "integration.source": "ehr",
        "integration.destination": "engine",
        "integration.facility": "NSH",
        "messaging.system": "hl7v2",
    }.items():
        scope_spans.scope.attributes.add(key=key).value.string_value = value
    for number in range(spans):
        scope_spans.spans.append(tap_span(number))
    return request, scope_spans


def tap_span(number: int) -> Span:
    span = Span(
        trace_id=bytes.fromhex(VISIT),
        span_id=number.to_bytes(8, "big"),
        name="forward ehr-adt",
        kind=Span.SPAN_KIND_PRODUCER,
        start_time_unix_nano=1_764_000_000_000_000_001,
        end_time_unix_nano=1_764_000_000_002_000_001,
    )
    for key, value in {
        "messaging.operation.name": "forward",
        "messaging.message.id": "MSG1",
        "integration.message": "ADT^A03",
        "integration.outcome": "accepted",
        "integration.ack.code": "AA",
        "integration.attribute.patient_class": "I",
    }.items():
        span.attributes.add(key=key).value.string_value = value
    span.attributes.add(key="messaging.message.body.size").value.int_value = 1250
    span.attributes.add(key="integration.ack.size").value.int_value = 97
    span.attributes.add(key="integration.measure.amount").value.double_value = 12.5
    keys = span.attributes.add(key="journey.keys").value.array_value
    keys.values.add(string_value=f"visit:NSH:{VISIT}")
    keys.values.add(string_value=f"account:North%3ASouth:{ACCOUNT}")
    keys.values.add(string_value=f"mrn:NSH:{MRN}")
    sealed = span.attributes.add(key="journey.keys.sealed").value.array_value
    for text in ("c2VhbGVkIHZpc2l0", "x" * 300, "c2VhbGVkIG1ybg=="):
        sealed.values.add(string_value=text)
    return span
