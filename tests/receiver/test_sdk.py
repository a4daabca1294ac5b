"""The stock OpenTelemetry SDK with its own exporters, as any instrumented program would send."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from tests.receiver.conftest import Running


def exporter(kind: str, receiver: Running) -> SpanExporter:
    if kind == "grpc":
        return GrpcExporter(endpoint=f"http://127.0.0.1:{receiver.grpc.port}", insecure=True, timeout=10)
    packed = Compression.Gzip if kind == "http-gzip" else Compression.NoCompression
    return HttpExporter(endpoint=receiver.traces, compression=packed, timeout=10)


@pytest.mark.parametrize("kind", ["http", "http-gzip", "grpc"])
def test_every_span_of_the_sdk_arrives(receiver: Running, kind: str) -> None:
    provider = TracerProvider(resource=Resource.create({"service.name": "engine"}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter(kind, receiver)))
    tracer = provider.get_tracer("test")
    with tracer.start_as_current_span("parent", kind=SpanKind.SERVER) as parent:
        for number in range(300):
            with tracer.start_as_current_span(
                f"child {number}",
                links=[Link(parent.get_span_context())],
                attributes={"number": number, "list": ["a", "b"], "flag": False, "zero": 0},
            ) as child:
                child.add_event("seen", {"at": 1.5})
                child.set_status(Status(StatusCode.ERROR, "no"))
    provider.shutdown()
    spans: list[Any] = receiver.spans()
    assert len(spans) == 301
    assert {span.name for span in spans} == {"parent"} | {f"child {number}" for number in range(300)}
    context = parent.get_span_context()
    assert {span.trace_id for span in spans} == {context.trace_id.to_bytes(16, "big")}
    (child_zero,) = (span for span in spans if span.name == "child 0")
    assert child_zero.parent_span_id == context.span_id.to_bytes(8, "big")
    assert child_zero.events[0].name == "seen"
    assert child_zero.links[0].span_id == context.span_id.to_bytes(8, "big")
