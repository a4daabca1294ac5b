"""OTLP over gRPC: the unary `TraceService/Export` on port 4317.

`serve` starts it with threads of its own. Bodies stay bytes: they go into the log as they came. It must never
answer OK before the body is durable.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

import grpc

from collector.receiver import answers, validate
from collector.receiver.intake import Intake
from collector.receiver.limits import Limits
from collector.receiver.metrics import Metrics
from collector.receiver.refusal import Code, Refusal
from collector.wal import Wal, WalError

log = logging.getLogger(__name__)

SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService"
_CODES = {
    Code.INVALID_ARGUMENT: grpc.StatusCode.INVALID_ARGUMENT,
    Code.RESOURCE_EXHAUSTED: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Code.UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    Code.INTERNAL: grpc.StatusCode.INTERNAL,
}


class GrpcReceiver:
    """A running server. `port` is the one it listens on (the asked-for one, or a free one for 0)."""

    def __init__(self, server: grpc.Server, port: int) -> None:
        self._server = server
        self.port = port

    def stop(self, grace: float = 5.0) -> None:
        """Take no more, give what is being answered `grace` seconds, then end."""
        self._server.stop(grace).wait()


class _Export:
    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    def __call__(self, body: bytes, context: grpc.ServicerContext) -> bytes:
        try:
            answer = self._take(body)
        except Refusal as refusal:
            self._refuse(context, refusal)
        except Exception:
            log.exception("answering an Export failed")
            self._refuse(context, Refusal(500, Code.INTERNAL, "the collector failed; see its log"))
        self._intake.metrics.request("grpc", "OK")
        return answer

    def _take(self, body: bytes) -> bytes:
        with self._intake.reserve() as reservation:
            reservation.grow(len(body))
            checked = validate.check(body)
            appended = self._intake.append(checked)
            if appended is not None:
                try:
                    appended.result()
                except WalError as error:
                    raise self._intake.refusal(error) from error
                self._intake.durable(checked)
            return answers.success(answers.PROTOBUF, checked.rejected, checked.message)

    def _refuse(self, context: grpc.ServicerContext, refusal: Refusal) -> NoReturn:
        code = _CODES[refusal.code]
        self._intake.metrics.request("grpc", code.name)
        details = answers.status(refusal).SerializeToString()
        context.set_trailing_metadata((("grpc-status-details-bin", details),))
        context.abort(code, refusal.message)
        raise AssertionError("abort raises")


def serve(
    wal: Wal,
    address: str,
    limits: Limits | None = None,
    *,
    counters: Metrics | None = None,
    threads: int = 8,
) -> GrpcReceiver:
    """Listen on `address` ("127.0.0.1:4317"; port 0 for a free one). Raises OSError when it is taken."""
    limits = limits or Limits()
    intake = Intake(wal, limits, counters or Metrics())
    method = grpc.unary_unary_rpc_method_handler(_Export(intake))
    handler = grpc.method_handlers_generic_handler(SERVICE, {"Export": method})
    server = grpc.server(
        ThreadPoolExecutor(threads, thread_name_prefix="otlp-grpc"),
        handlers=[handler],
        options=(
            ("grpc.max_receive_message_length", min(limits.body_bytes, limits.inflated_bytes)),
            # Two cores must not listen on one port and share its clients between them.
            ("grpc.so_reuseport", 0),
            ("grpc.max_concurrent_streams", 64),
        ),
        compression=grpc.Compression.NoCompression,
    )
    try:
        port = server.add_insecure_port(address)
    except RuntimeError as error:
        raise OSError(f"cannot listen for OTLP/gRPC on {address}: {error}") from error
    if not port:
        raise OSError(f"cannot listen for OTLP/gRPC on {address}")
    server.start()
    return GrpcReceiver(server, port)
