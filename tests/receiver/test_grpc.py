"""OTLP over gRPC against a real channel."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo  # type: ignore[import-untyped,unused-ignore]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped,unused-ignore]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub

from collector.receiver import Limits
from collector.receiver import grpc as otlp_grpc
from tests.receiver.conftest import MakeReceiver, Running, request_with

METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


def call(
    receiver: Running, body: bytes, compression: grpc.Compression = grpc.Compression.NoCompression
) -> bytes:
    """Send raw bytes; the raw answer. Raises grpc.RpcError."""
    options = [("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(f"127.0.0.1:{receiver.grpc.port}", options=options) as channel:
        answer: bytes = channel.unary_unary(METHOD, None, None)(body, timeout=20, compression=compression)
        return answer


def failure(
    receiver: Running, body: bytes, **options: grpc.Compression
) -> tuple[grpc.RpcError, Status | None]:
    """The error of a refused call and the Status it carries."""
    with pytest.raises(grpc.RpcError) as caught:
        call(receiver, body, **options)
    error = caught.value
    metadata: Any = error.trailing_metadata() or ()
    details = next((item.value for item in metadata if item.key == "grpc-status-details-bin"), None)
    return error, Status.FromString(details) if details else None


def test_the_stock_stub_gets_a_success(receiver: Running) -> None:
    request = request_with(4)
    with grpc.insecure_channel(f"127.0.0.1:{receiver.grpc.port}") as channel:
        answer = TraceServiceStub(channel).Export(request, timeout=5)  # type: ignore[no-untyped-call]
    assert not answer.HasField("partial_success")
    assert receiver.bodies() == [request.SerializeToString()]


def test_gzip_is_accepted(receiver: Running) -> None:
    body = request_with(500).SerializeToString()
    call(receiver, body, grpc.Compression.Gzip)
    assert receiver.bodies() == [body]


def test_an_empty_request_is_a_success(receiver: Running) -> None:
    assert call(receiver, b"") == b""
    assert receiver.bodies() == []


def test_bodies_beyond_four_mebibytes_are_taken(receiver: Running) -> None:
    request = request_with(1)
    request.resource_spans[0].scope_spans[0].spans[0].attributes.add(key="k").value.string_value = "x" * (
        20 << 20
    )
    body = request.SerializeToString()
    call(receiver, body)
    assert receiver.bodies() == [body]


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_too_large_is_resource_exhausted_without_retry_info(
    make_receiver: MakeReceiver, compression: grpc.Compression
) -> None:
    receiver = make_receiver(Limits(body_bytes=1 << 20, inflated_bytes=1 << 20))
    error, status = failure(receiver, bytes(30 << 20), compression=compression)
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert status is None
    assert receiver.bodies() == []


def test_bad_data_is_invalid_argument(receiver: Running) -> None:
    error, status = failure(receiver, request_with(3).SerializeToString()[:-5])
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert status is not None
    assert status.code == 3


def test_spans_with_unusable_ids_are_partial_success(receiver: Running) -> None:
    request = request_with(3)
    request.resource_spans[0].scope_spans[0].spans[1].span_id = bytes(8)
    answer = ExportTraceServiceResponse.FromString(call(receiver, request.SerializeToString()))
    assert answer.partial_success.rejected_spans == 1
    assert len(receiver.spans()) == 2


def test_when_too_much_waits_it_is_unavailable_with_retry_info(make_receiver: MakeReceiver) -> None:
    receiver = make_receiver(Limits(retry_after_s=3), limit_bytes=3000)
    call(receiver, request_with(20).SerializeToString())
    error, status = failure(receiver, request_with(20).SerializeToString())
    assert error.code() == grpc.StatusCode.UNAVAILABLE
    assert status is not None
    retry = RetryInfo()
    assert status.details[0].Unpack(retry)
    assert retry.retry_delay.seconds == 3
    assert len(receiver.bodies()) == 1
    call(receiver, request_with(20).SerializeToString())


def test_other_methods_are_unimplemented(receiver: Running) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{receiver.grpc.port}") as channel:
        other = channel.unary_unary("/opentelemetry.proto.collector.logs.v1.LogsService/Export", None, None)
        with pytest.raises(grpc.RpcError) as caught:
            other(ExportTraceServiceRequest().SerializeToString(), timeout=5)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_a_port_in_use_is_an_error_at_start(receiver: Running) -> None:
    with pytest.raises(OSError, match="cannot listen for OTLP/gRPC"):
        otlp_grpc.serve(receiver.wal, f"127.0.0.1:{receiver.grpc.port}")
