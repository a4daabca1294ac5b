"""OTLP over HTTP: `POST /v1/traces` in protobuf and JSON, checkpoints, health, metrics.

`create_app` gives the ASGI application that the core serves on port 4318. Reading and answering happen on the
event loop; checking a body happens in a worker thread. It must never answer 200 before the body is durable.
"""

from __future__ import annotations

import asyncio
import gzip
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from collector.receiver import answers, decode_json, metrics, validate
from collector.receiver.checkpoints import Checkpoints
from collector.receiver.inflate import Gunzip
from collector.receiver.intake import Intake, Reservation
from collector.receiver.limits import Limits
from collector.receiver.metrics import Metrics
from collector.receiver.refusal import Code, Refusal, too_large
from collector.receiver.validate import Checked
from collector.wal import Wal, WalError, Writer
from tracing.keys import Sealer

log = logging.getLogger(__name__)

# Below this, handing a body to a thread costs more than parsing it (about 60 spans).
_SMALL = 32 << 10
# A reply shorter than this does not shrink.
_WORTH_GZIP = 1024
_MEDIA = {
    "application/x-protobuf": answers.PROTOBUF,
    "application/protobuf": answers.PROTOBUF,
    "application/json": answers.JSON,
}
Endpoint = Callable[[Request], Awaitable[Response]]


def create_app(
    wal: Wal,
    limits: Limits | None = None,
    sealer: Sealer | None = None,
    *,
    writer: Writer | None = None,
    counters: Metrics | None = None,
) -> Starlette:
    """The receiver's application. `sealer` turns checkpoint keys into tokens; without it they answer 501.

    `writer` and `counters` (shared with the gRPC shell) appear on `/metrics`.
    """
    counters = counters or Metrics()
    intake = Intake(wal, limits or Limits(), counters)
    receiver = _Receiver(intake, Checkpoints(sealer) if sealer is not None else None)

    async def healthz(request: Request) -> Response:
        return PlainTextResponse("alive\n")

    async def readyz(request: Request) -> Response:
        reason = await asyncio.to_thread(wal.closed_for)
        return PlainTextResponse(f"{reason or 'ready'}\n", 503 if reason else 200)

    async def exposition(request: Request) -> Response:
        page = await asyncio.to_thread(counters.render, wal, writer)
        return PlainTextResponse(page, headers={"content-type": metrics.CONTENT_TYPE})

    return Starlette(
        routes=[
            Route("/v1/traces", receiver.answered(receiver.traces), methods=["POST"]),
            Route("/api/v1/checkpoints", receiver.answered(receiver.checkpoint), methods=["POST"]),
            Route("/v1/checkpoints", receiver.answered(receiver.checkpoint), methods=["POST"]),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", exposition),
        ],
        exception_handlers={HTTPException: receiver.routing_error},
    )


class _Receiver:
    """The endpoints that answer in the terms of OTLP."""

    def __init__(self, intake: Intake, checkpoints: Checkpoints | None) -> None:
        self._intake = intake
        self._checkpoints = checkpoints
        # protobuf's C parser holds the interpreter lock: more threads would only wait for each other.
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="otlp-check")

    def answered(self, endpoint: Endpoint) -> Endpoint:
        """Every refusal becomes a google.rpc.Status in the request's encoding; every answer is counted."""

        async def answer(request: Request) -> Response:
            received = time.time()
            try:
                response = await endpoint(request)
            except Refusal as refusal:
                response = _failure(request, refusal)
            except ClientDisconnect:
                response = Response(status_code=499)
            except Exception:
                log.exception("answering %s failed", request.url.path)
                response = _failure(request, Refusal(500, Code.INTERNAL, "the collector failed; see its log"))
            self._intake.metrics.request("http", str(response.status_code))
            # Taps compare their clocks with this one by it (collector.taps.clock).
            response.headers["caretrail-time"] = f"{received:.6f} {time.time():.6f}"
            return response

        return answer

    async def routing_error(self, request: Request, error: Exception) -> Response:
        """404 and 405 as Status too."""
        assert isinstance(error, HTTPException)
        code = Code.NOT_FOUND if error.status_code == 404 else Code.UNIMPLEMENTED
        text = f"{error.detail}: this collector takes POST /v1/traces and /api/v1/checkpoints"
        response = _failure(request, Refusal(error.status_code, code, text))
        for name, value in (error.headers or {}).items():
            response.headers[name] = value
        self._intake.metrics.request("http", str(error.status_code))
        return response

    async def traces(self, request: Request) -> Response:
        media = _media(request)
        if media is None:
            raise Refusal(
                415,
                Code.INVALID_ARGUMENT,
                "Content-Type must be application/x-protobuf or application/json",
            )
        with self._intake.reserve() as reservation:
            body = await self._body(request, reservation)
            if len(body) <= _SMALL:
                checked, appended = self._take(media, body)
            else:
                loop = asyncio.get_running_loop()
                checked, appended = await loop.run_in_executor(self._pool, self._take, media, body)
            if appended is not None:
                await self._durable(appended)
                self._intake.durable(checked)
        content = answers.success(media, checked.rejected, checked.message)
        return _response(request, 200, media, content)

    def _take(self, media: str, body: bytes) -> tuple[Checked, Future[None] | None]:
        if media == answers.JSON:
            checked = validate.check_request(decode_json.decode(body), None)
        else:
            checked = validate.check(body)
        return checked, self._intake.append(checked)

    async def checkpoint(self, request: Request) -> Response:
        if self._checkpoints is None:
            raise Refusal(501, Code.UNIMPLEMENTED, "this collector has no site key, so it cannot take keys")
        if _media(request) != answers.JSON:
            raise Refusal(415, Code.INVALID_ARGUMENT, "Content-Type must be application/json")
        with self._intake.reserve() as reservation:
            body = await self._body(request, reservation)
            taken = self._checkpoints.read(body)
            appended = self._intake.append(taken.checked)
            if appended is not None:
                await self._durable(appended)
                self._intake.durable(taken.checked)
        self._intake.metrics.checkpoints(taken.checked.spans)
        return _response(request, 200, answers.JSON, taken.answer)

    async def _durable(self, appended: Future[None]) -> None:
        try:
            await asyncio.wrap_future(appended)
        except WalError as error:
            raise self._intake.refusal(error) from error

    async def _body(self, request: Request, reservation: Reservation) -> bytes:
        """The body, decompressed. Reads no further than the limits allow."""
        limits = self._intake.limits
        encoding = request.headers.get("content-encoding", "").strip().lower()
        if encoding not in ("", "identity", "gzip"):
            raise Refusal(415, Code.INVALID_ARGUMENT, "Content-Encoding must be gzip or absent")
        announced = request.headers.get("content-length", "")
        if announced.isdigit() and int(announced) > limits.body_bytes:
            raise too_large("the body", limits.body_bytes)
        gunzip = Gunzip(limits.inflated_bytes) if encoding == "gzip" else None
        largest = limits.body_bytes if gunzip else min(limits.body_bytes, limits.inflated_bytes)
        size = 0
        parts: list[bytes] = []
        async for chunk in request.stream():
            size += len(chunk)
            if size > largest:
                raise too_large("the body", largest)
            if gunzip is None:
                reservation.grow(len(chunk))
                parts.append(chunk)
            else:
                reservation.grow(gunzip.feed(chunk))
        if gunzip is not None:
            return gunzip.finish()
        return parts[0] if len(parts) == 1 else b"".join(parts)


def _media(request: Request) -> str | None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return _MEDIA.get(kind)


def _response(request: Request, status: int, media: str, content: bytes) -> Response:
    # The answer's type equals the request's, down to its spelling.
    spelled = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    kind = spelled if _MEDIA.get(spelled) == media else media
    headers = {"content-type": kind}
    if len(content) >= _WORTH_GZIP and "gzip" in request.headers.get("accept-encoding", "").lower():
        content = gzip.compress(content, 5)
        headers |= {"content-encoding": "gzip", "vary": "accept-encoding"}
    return Response(content, status, headers)


def _failure(request: Request, refusal: Refusal) -> Response:
    media = _media(request) or answers.JSON
    response = _response(request, refusal.http, media, answers.failure(media, refusal))
    if refusal.retry_after is not None:
        response.headers["retry-after"] = str(refusal.retry_after)
    return response
