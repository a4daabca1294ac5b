"""`POST /api/v1/checkpoints` beside the pages, for programs that hold the API token and know that port only.

Built by the core where the receiver's log is in the same process. The same documents, answers and promises as
at the collector: 200 only after the log has it. It must never quote a value.
"""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, Response

from collector.checkpoint import Checkpoint
from collector.receiver import Limits, Metrics, answers
from collector.receiver.checkpoints import Checkpoints
from collector.receiver.intake import Intake
from collector.receiver.refusal import Refusal, too_large
from collector.wal import Wal, WalError
from dashboard.api import allowed
from tracing.keys import Sealer

MOST_BYTES = 4 << 20
_SCHEMA = Checkpoint.model_json_schema()
_KEY = _SCHEMA.pop("$defs")["CheckpointKey"]
_SCHEMA["properties"]["keys"]["items"] = _KEY
_CONTENT = {"application/json": {"schema": _SCHEMA}}


def router(wal: Wal, sealer: Sealer, counters: Metrics) -> APIRouter:
    """The route; whoever posts needs the API token, or to be an administrator."""
    routes = APIRouter(prefix="/api/v1", tags=["caretrail"])
    intake = Intake(wal, Limits(), counters)
    checkpoints = Checkpoints(sealer)

    @routes.post("/checkpoints", openapi_extra={"requestBody": {"required": True, "content": _CONTENT}})
    async def take(request: Request) -> Response:
        """Something happened: one checkpoint, or an array of up to 1,000, all or none."""
        allowed(frozenset())
        try:
            taken = checkpoints.read(await _body(request))
            appended = intake.append(taken.checked)
            if appended is not None:
                try:
                    await asyncio.wrap_future(appended)
                except WalError as error:
                    raise intake.refusal(error) from error
                intake.durable(taken.checked)
        except Refusal as refusal:
            headers = {} if refusal.retry_after is None else {"Retry-After": str(refusal.retry_after)}
            content = answers.failure(answers.JSON, refusal)
            return Response(content, refusal.http, headers, answers.JSON)
        counters.checkpoints(taken.checked.spans)
        return Response(taken.answer, media_type=answers.JSON)

    return routes


async def _body(request: Request) -> bytes:
    parts, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MOST_BYTES:
            raise too_large("the body", MOST_BYTES)
        parts.append(chunk)
    return b"".join(parts)
