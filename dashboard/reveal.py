"""`POST /api/v1/reveal`: a person who needs it sees one key or one message, and it is written down why.

Called by `dashboard.app`; the encounter page posts here. What is asked for is named by token and span ID and
must belong to the encounter that is named with it. A look that cannot be recorded is not granted. What is
opened goes into one answer, and never into an address, a log or a cache.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Response
from pydantic import Field, StringConstraints

from dashboard.api import Model, allowed
from dashboard.audit import Look
from dashboard.auth import current_address
from dashboard.feed import Feed
from dashboard.source import Source
from tracing.bodies import BodySealer
from tracing.keys import Sealer, SealError

#: Whose work it is; an admin may everything.
REVEAL = frozenset({"engineer"})
MAX_REASON = 200
Token = Annotated[str, StringConstraints(pattern="^[0-9a-f]{32}$")]


class RevealRequest(Model):
    """What to open: a key by its token, or the message and its answer by the span ID of the hop."""

    journey: Token
    what: Literal["key", "message"]
    about: Annotated[str, StringConstraints(pattern="^([0-9a-f]{16}|[0-9a-f]{32})$")]
    reason: str = Field(
        min_length=3, max_length=MAX_REASON, description="Why; no names or numbers of patients."
    )


class RevealAnswer(Model):
    """What was sealed. answer: what came back for a message, empty when nothing was kept."""

    at: datetime
    what: str
    value: str
    answer: str


def router(source: Source, feed: Feed, sealer: Sealer | None, now: Callable[[], datetime]) -> APIRouter:
    """The route; may raise StoreError, which `dashboard.app` turns into 503 or 400."""
    routes = APIRouter(prefix="/api/v1", tags=["caretrail"])
    bodies = BodySealer(sealer.site_key) if sealer else None

    @routes.post("/reveal")
    async def reveal(request: RevealRequest, response: Response) -> RevealAnswer:
        """Opens one key or one message of an encounter, for a person with a reason; recorded first."""
        session = allowed(REVEAL)
        if session.who == "api":
            raise HTTPException(403, "a person reveals, signed in; a program does not")
        if sealer is None or bodies is None:
            raise HTTPException(409, "this dashboard has no site key, so it can open nothing")
        at, where_from = now(), current_address()

        def find() -> tuple[str, str] | None:
            if request.what == "message":
                return _message(source, request, at)
            sealed = _key(source, request, at)
            return (sealed, "") if sealed else None

        def act() -> tuple[str, str] | None:
            found = find()
            if found is not None:
                action = f"reveal_{request.what}"
                why = f"{request.reason} ({request.about})" if request.what == "message" else request.reason
                look = Look(at, session.who, session.role, action, request.journey, why, where_from)
                source.record([look])
            return found

        found = await feed.run(act)
        if found is None:
            raise HTTPException(404, f"this encounter has no such {request.what}, or it is kept no longer")
        response.headers["Cache-Control"] = "no-store"
        try:
            if request.what == "key":
                return RevealAnswer(at=at, what="key", value=sealer.open(found[0]).value, answer="")
            value, answer = (text_of(bodies.open(one)) if one else "" for one in found)
            return RevealAnswer(at=at, what="message", value=value, answer=answer)
        except SealError as error:
            raise HTTPException(409, f"it cannot be opened: {error}") from error

    return routes


def _key(source: Source, request: RevealRequest, at: datetime) -> str:
    found = source.journey(request.journey, at)
    own = {key.token: key.sealed for key in found.keys} if found else {}
    return own.get(request.about, "")


def _message(source: Source, request: RevealRequest, at: datetime) -> tuple[str, str] | None:
    found = source.journey(request.journey, at)
    traces = [hop.trace_id for hop in found.hops if hop.span_id == request.about] if found else []
    return source.body(traces[0], request.about) if traces else None


def text_of(body: bytes) -> str:
    """A message as text: UTF-8, else Latin-1, which every byte is a character of."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body.decode("latin-1")
