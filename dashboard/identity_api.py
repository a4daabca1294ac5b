"""`/api/v1/collisions` and `/api/v1/identity/decisions`: keys in doubt, and what a person decides about them.

Called by `dashboard.app`; the pages' own buttons post here too. Keys are tokens, so no identifier is in an
address, a body or a log. Every decision is recorded with its reason before it is taken.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal, Self

from fastapi import APIRouter, HTTPException, Query
from pydantic import Field, StringConstraints, model_validator

from dashboard.api import OPERATIONS, Model, allowed
from dashboard.audit import Look
from dashboard.auth import current_address
from dashboard.feed import Feed
from dashboard.source import Source
from tracing.identity.decisions import MAX_REASON, DecisionError
from tracing.identity.read import Collision

#: Whose work it is; an admin may everything.
DECIDE = frozenset({"engineer"})
Token = Annotated[str, StringConstraints(pattern="^[0-9a-f]{32}$")]


class CollisionAnswer(Model):
    """A key that does not say whose it is.

    why: blank, too_many, two_patients or reused. evidence: tokens of what it was seen with, span IDs
    for blank ones.
    """

    token: str
    kind: str
    authority: str
    why: str
    evidence: list[str]
    raised_at: datetime


class CollisionsAnswer(Model):
    """The open collisions, the newest first, as of `at`; truncated: there are more than were asked for."""

    at: datetime
    collisions: list[CollisionAnswer]
    truncated: bool


class DecisionRequest(Model):
    """What somebody decides. withdraw takes back an event; release is about one key, the others about two."""

    action: Literal["withdraw", "same", "different", "release"]
    event_id: Token | None = Field(None, description="The event to take back; with withdraw only.")
    tokens: list[Token] = Field(default_factory=list, max_length=2, description="Keys by their tokens.")
    reason: str = Field(
        min_length=3, max_length=MAX_REASON, description="Why; no names or numbers of patients."
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        wanted = {"withdraw": 0, "release": 1}.get(self.action, 2)
        if (self.action == "withdraw") != (self.event_id is not None) or len(self.tokens) != wanted:
            raise ValueError("withdraw takes event_id, release one token, same and different two tokens")
        return self


class DecisionAnswer(Model):
    """The event that a decision became; it can itself be taken back by its ID."""

    event_id: str
    at: datetime


def router(source: Source, feed: Feed, now: Callable[[], datetime]) -> APIRouter:
    """The routes; may raise StoreError, which `dashboard.app` turns into 503 or 400."""
    routes = APIRouter(prefix="/api/v1", tags=["caretrail"])

    @routes.get("/collisions")
    async def list_collisions(limit: Annotated[int, Query(ge=1, le=1000)] = 200) -> CollisionsAnswer:
        """Keys that do not say whose they are, with the evidence."""
        session = allowed(OPERATIONS)
        at, where_from = now(), current_address()

        def ask() -> list[Collision]:
            if session.who != "api":
                source.record([Look(at, session.who, session.role, "list_collisions", "", "", where_from)])
            return source.collisions(limit)

        found = await feed.run(ask)
        return CollisionsAnswer(
            at=at, collisions=[_answer(one) for one in found], truncated=len(found) >= limit
        )

    @routes.post("/identity/decisions", status_code=201)
    async def decide(request: DecisionRequest) -> DecisionAnswer:
        """Releases a key, says that two are one or are not, or takes an event back. Needs a reason."""
        session = allowed(DECIDE)
        at, where_from = now(), current_address()

        def act() -> str:
            about = request.event_id if request.event_id is not None else request.tokens
            concerned = request.tokens or [request.event_id or ""]
            source.record(
                [
                    Look(at, session.who, session.role, request.action, one, request.reason, where_from)
                    for one in concerned
                ]
            )
            return source.decide(request.action, about, session.who, request.reason, at)

        try:
            return DecisionAnswer(event_id=await feed.run(act), at=at)
        except DecisionError as error:
            raise HTTPException(422, str(error)) from error

    return routes


def _answer(collision: Collision) -> CollisionAnswer:
    return CollisionAnswer(
        token=collision.token,
        kind=collision.kind,
        authority=collision.authority,
        why=collision.why,
        evidence=list(collision.evidence),
        raised_at=collision.raised_at,
    )
