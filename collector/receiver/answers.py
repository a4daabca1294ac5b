"""Answers of the OTLP endpoints as bytes, in the request's encoding.

Called by the HTTP and gRPC shells. OTLP specification, "OTLP/HTTP Response": success and partial success are
an ExportTraceServiceResponse, every 4xx and 5xx is a google.rpc.Status.
"""

from __future__ import annotations

import json

from google.protobuf import json_format  # type: ignore[import-untyped,unused-ignore]
from google.protobuf.duration_pb2 import Duration  # type: ignore[import-untyped,unused-ignore]
from google.rpc.error_details_pb2 import BadRequest, RetryInfo  # type: ignore[import-untyped,unused-ignore]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped,unused-ignore]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from collector.receiver.refusal import Refusal

PROTOBUF = "application/x-protobuf"
JSON = "application/json"


def success(media: str, rejected: int, message: str) -> bytes:
    """`rejected` spans were dropped for the reason in `message`; 0 and "" leave partial_success unset."""
    if not rejected and not message:
        return b"{}" if media == JSON else b""
    if media == JSON:
        # 64-bit integers are strings in protobuf's JSON.
        partial = {"rejectedSpans": str(rejected), "errorMessage": message}
        return json.dumps({"partialSuccess": partial}).encode()
    response = ExportTraceServiceResponse()
    response.partial_success.rejected_spans = rejected
    response.partial_success.error_message = message
    content: bytes = response.SerializeToString()
    return content


def status(refusal: Refusal) -> Status:
    """The refusal as google.rpc.Status with BadRequest and RetryInfo details."""
    answer = Status(code=refusal.code, message=refusal.message)
    if refusal.violations:
        detail = BadRequest()
        for field, description in refusal.violations:
            detail.field_violations.add(field=field, description=description)
        answer.details.add().Pack(detail)
    if refusal.retry_after is not None:
        answer.details.add().Pack(RetryInfo(retry_delay=Duration(seconds=refusal.retry_after)))
    return answer


def failure(media: str, refusal: Refusal) -> bytes:
    """The refusal's Status in protobuf or JSON."""
    answer = status(refusal)
    content: bytes
    if media == PROTOBUF:
        content = answer.SerializeToString()
    else:
        content = json_format.MessageToJson(answer, indent=None, ensure_ascii=False).encode()
    return content
