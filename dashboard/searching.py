"""`POST /api/v1/journeys/search`: numbers in, the journeys they belong to out, with what each match rests on.

Called by `dashboard.app`, behind the same door as the pages. Numbers travel in the body, are named in the
answer by their place in it, and are never stored; every journey that was found is recorded as looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field, model_validator

from dashboard import lookup
from dashboard.api import OPERATIONS, Model, StepAnswer, allowed, steps
from dashboard.audit import Look
from dashboard.auth import current_address
from dashboard.feed import Feed
from dashboard.source import Source
from slo.workflows.rows import Outline
from slo.workflows.search import Match
from tracing.keys import Sealer

MOST_JOURNEYS = 100
Value = Annotated[str, Field(min_length=1, max_length=lookup.LONGEST)]


class SearchRequest(Model):
    """What somebody heard on the phone, or a list of it: one of `value` and `values`."""

    value: Value | None = Field(
        None,
        description="Any identifier: visit, account, order, claim, patient number, control ID, trace ID.",
    )
    values: list[Value] | None = Field(
        None, min_length=1, max_length=10_000, description="Several; the first 200 are looked for."
    )
    kind: str | None = Field(
        None,
        max_length=32,
        description="visit, account, order, claim, mrn, control_id, trace_id, …; any when left out.",
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> SearchRequest:
        if (self.value is None) == (self.values is None):
            raise ValueError("give one of value and values")
        return self


class JourneyWorkflow(Model):
    """How one workflow went for one journey."""

    name: str
    state: str
    steps: list[StepAnswer]


class MatchAnswer(Model):
    """How a value led to a journey.

    position: the value's place in the list, from 0. kind: of key, or control_id, trace_id, span_id. basis:
    own (the key is the journey), key (seen with it), several (the likeliest of several), patient (the
    patient's only encounter of that time), quarantined. since, until: when the number was this journey's, or
    the patient was seen in it. via: merge, change, link or same: found by another number of the patient;
    gave_way: the value is the number that went. why: blank, too_many, reused or two_patients: the value says
    little.
    """

    position: int
    kind: str
    authority: str
    certainty: str
    basis: str
    since: datetime | None
    until: datetime | None
    via: str
    via_at: datetime | None
    gave_way: bool
    why: str
    interface: str


class JourneyAnswer(Model):
    """A journey that was found, and by what."""

    journey: str
    certainty: str
    trace_ids: list[str]
    hops: int
    workflows: list[JourneyWorkflow]
    matches: list[MatchAnswer]


class SearchAnswer(Model):
    """Certain matches first; empty when nothing was found. The rest is there when there is something to say.

    nobody: values that are known and belong to no journey, because they are no number. not_found: places of
    values that are unknown. left_out: values beyond 200 that were not looked for. more: journeys beyond 100.
    """

    journeys: list[JourneyAnswer]
    nobody: list[MatchAnswer] = Field([])
    not_found: list[int] = Field([])
    left_out: int = 0
    more: int = 0


def router(source: Source, feed: Feed, sealer: Sealer | None, now: Callable[[], datetime]) -> APIRouter:
    """The route; may raise StoreError, which `dashboard.app` turns into 503 or 400."""
    routes = APIRouter(prefix="/api/v1", tags=["caretrail"])

    @routes.post("/journeys/search", response_model_exclude_unset=True)
    async def search_journeys(request: SearchRequest) -> SearchAnswer:
        """The journeys that numbers belong to, with their workflows."""
        session = allowed(OPERATIONS)
        at, where_from = now(), current_address()
        values = request.values if request.values is not None else [request.value or ""]

        def ask() -> tuple[lookup.Outcome, list[Outline]]:
            outcome = lookup.search(source, sealer, values, at, request.kind)
            found = source.outlines(outcome.journeys[:MOST_JOURNEYS], at)
            looks = [
                Look(at, session.who, session.role, "search", each.journey, "", where_from) for each in found
            ]
            source.record(looks)
            return outcome, found

        return _answer(*await feed.run(ask), listed=request.values is not None)

    return routes


def _answer(outcome: lookup.Outcome, found: list[Outline], listed: bool) -> SearchAnswer:
    answer = SearchAnswer(journeys=[_journey(each, outcome) for each in _certain_first(found, outcome)])
    if nobody := [match_answer(hit) for hit in outcome.of_nobody({each.journey for each in found})]:
        answer.nobody = nobody
    if listed:
        answer.not_found = outcome.not_found
    if outcome.left_out:
        answer.left_out = outcome.left_out
    if (more := len(outcome.journeys) - MOST_JOURNEYS) > 0:
        answer.more = more
    return answer


def _certain_first(found: list[Outline], outcome: lookup.Outcome) -> list[Outline]:
    certain = {hit.match.journey for hit in outcome.hits if hit.match.certainty == "certain"}
    return sorted(found, key=lambda each: each.journey not in certain)


def _journey(journey: Outline, outcome: lookup.Outcome) -> JourneyAnswer:
    hits = [hit for hit in outcome.hits if hit.match.journey == journey.journey]
    certainties = {hit.match.certainty for hit in hits}
    surest = next(word for word in ("certain", "probable", "quarantined") if word in certainties)
    return JourneyAnswer(
        journey=journey.journey,
        certainty=journey.certainty if surest == "certain" else surest,
        trace_ids=journey.trace_ids,
        hops=journey.hops,
        workflows=[
            JourneyWorkflow(name=row.workflow, state=row.state, steps=steps(row)) for row in journey.workflows
        ],
        matches=[match_answer(hit) for hit in hits],
    )


def match_answer(hit: lookup.Hit) -> MatchAnswer:
    """A match without what was asked and without the journey, which the answer says elsewhere."""
    fields = set(Match._fields) - {"asked", "journey"}
    return MatchAnswer(position=hit.position, **{name: getattr(hit.match, name) for name in fields})
