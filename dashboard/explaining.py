"""`POST /api/v1/journeys/explain`: why each message belongs to the journeys that a number leads to, and
what was learned of them late.

Called by `dashboard.app`; `caretrail journey explain` prints it. The number travels in the body and is not
said back: keys are shown by their last characters, as on the pages. Every look is recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from fastapi import APIRouter
from pydantic import Field

from dashboard import lookup, wording
from dashboard.api import OPERATIONS, Model, allowed
from dashboard.audit import Look
from dashboard.auth import current_address
from dashboard.detail import ChangeAnswer, change_answer
from dashboard.feed import Feed
from dashboard.searching import MatchAnswer, Value, match_answer
from dashboard.source import Source
from slo.workflows.explain import Explanation
from slo.workflows.rows import Journey
from tracing.keys import Sealer, SealError

MOST_JOURNEYS: Final = 10


class ExplainRequest(Model):
    """A number, as for search."""

    value: Value
    kind: str | None = Field(None, max_length=32)


class KeyAnswer(Model):
    """A key by its token; masked: its last characters, where they may be shown."""

    token: str
    kind: str
    authority: str
    masked: str


class LinkAnswer(Model):
    """One link: two keys of one message, the fields they stood in, and when; or an event that joined them.

    event: "" for one message, else merge, change, move, link, same, or patient: put beside the patient's only
    visit of that time.
    """

    token: str
    kind: str
    other: str
    other_kind: str
    event: str
    at: datetime | None
    interface: str
    message: str
    field: str
    other_field: str
    span_id: str
    trace_id: str


class EraAnswer(Model):
    """A number that served several: messages of a patient, else those since then, are of `journey`."""

    patient: str
    since: datetime
    journey: str


class ReasonAnswer(Model):
    """Why messages that hang on `token` belong: the links to the journey's root; none when it is the root."""

    token: str
    kind: str
    certainty: str
    basis: str
    links: list[LinkAnswer]
    eras: list[EraAnswer]


class MessageAnswer(Model):
    """A message, and the token it hangs on."""

    at: datetime
    interface: str
    source: str
    destination: str
    message: str
    operation: str
    span_id: str
    trace_id: str
    token: str
    certainty: str
    basis: str


class EventAnswer(Model):
    """What was said of a key. who: a person who decided, or "". withdrawn: it holds no more."""

    event_id: str
    at: datetime
    event: str
    level: str
    from_token: str
    to_token: str
    subject_token: str
    message: str
    interface: str
    span_id: str
    who: str
    reason: str
    withdrawn: bool


class Explained(Model):
    """One journey. changes: what late truth changed of instances that were closed, oldest first.

    left_out: how many tokens were too many to explain.
    """

    journey: str
    kind: str
    certainty: str
    matches: list[MatchAnswer]
    keys: list[KeyAnswer]
    messages: list[MessageAnswer]
    reasons: list[ReasonAnswer]
    events: list[EventAnswer]
    changes: list[ChangeAnswer]
    left_out: int


class ExplainAnswer(Model):
    """Certain matches first. nobody: the number is known and belongs to nobody; more: journeys beyond 10."""

    journeys: list[Explained]
    nobody: list[MatchAnswer]
    more: int


def router(source: Source, feed: Feed, sealer: Sealer | None, now: Callable[[], datetime]) -> APIRouter:
    """The route; may raise StoreError, which `dashboard.app` turns into 503 or 400."""
    routes = APIRouter(prefix="/api/v1", tags=["caretrail"])

    @routes.post("/journeys/explain")
    async def explain_journeys(request: ExplainRequest) -> ExplainAnswer:
        """Why each message belongs, link by link with message, field and time; and what was learned late."""
        session = allowed(OPERATIONS)
        at, where_from = now(), current_address()

        def ask() -> ExplainAnswer:
            outcome = lookup.search(source, sealer, [request.value], at, request.kind)
            found = [one for each in outcome.journeys[:MOST_JOURNEYS] if (one := source.journey(each, at))]
            source.record(
                [
                    Look(at, session.who, session.role, "explain", each.journey, "", where_from)
                    for each in found
                ]
            )
            return ExplainAnswer(
                journeys=[_explained(each, source.explain(each), outcome, sealer) for each in found],
                nobody=[match_answer(hit) for hit in outcome.of_nobody({one.journey for one in found})],
                more=max(0, len(outcome.journeys) - MOST_JOURNEYS),
            )

        return await feed.run(ask)

    return routes


def _explained(
    journey: Journey, explanation: Explanation, outcome: lookup.Outcome, sealer: Sealer | None
) -> Explained:
    return Explained(
        journey=journey.journey,
        kind=journey.kind,
        certainty=journey.certainty,
        matches=[match_answer(hit) for hit in outcome.hits if hit.match.journey == journey.journey],
        keys=[
            KeyAnswer(token=token, kind=kind, authority=authority, masked=_masked(sealed, sealer))
            for kind, authority, token, sealed in explanation.keys
        ],
        messages=[
            MessageAnswer(**{name: getattr(hop, name) for name in MessageAnswer.model_fields})
            for hop in journey.hops
        ],
        reasons=[_reason(token, journey, explanation) for token in explanation.chains],
        events=[
            EventAnswer(**{name: getattr(event, name) for name in EventAnswer.model_fields})
            for event in explanation.events
        ],
        changes=[change_answer(one) for one in journey.changes],
        left_out=explanation.left_out,
    )


def _reason(token: str, journey: Journey, explanation: Explanation) -> ReasonAnswer:
    place = explanation.places.get(token)
    hop = next(hop for hop in journey.hops if hop.token == token)
    return ReasonAnswer(
        token=token,
        kind=place.kind if place else next((key.kind for key in journey.keys if key.token == token), ""),
        certainty=hop.certainty,
        basis=hop.basis,
        links=[
            LinkAnswer(**{name: getattr(step, name) for name in LinkAnswer.model_fields})
            for step in explanation.chains[token]
        ],
        eras=[EraAnswer(**era._asdict()) for era in (place.eras if place else ())],
    )


def _masked(sealed: str, sealer: Sealer | None) -> str:
    if sealer is None or not sealed:
        return wording.masked(None)
    try:
        return wording.masked(sealer.open(sealed).value)
    except SealError:
        return wording.masked(None)
