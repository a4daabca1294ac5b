"""`GET /api/v1/journeys/{journey}`: all that the encounter page shows, for programs and `caretrail where`.

Called by `dashboard.app`. A journey is named by its token, so no identifier is in the address; sealed values
stay out of the answer. Every look is recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from fastapi import APIRouter, HTTPException, Path

from dashboard.api import OPERATIONS, Model, allowed
from dashboard.audit import Look
from dashboard.auth import current_address
from dashboard.feed import Feed
from dashboard.pages.identity import concerning
from dashboard.source import Source
from slo.workflows.rows import Change, InstanceRow, Journey
from tracing.identity.read import IdentityEvent
from tracing.lineage import Arrow


class KeyAnswer(Model):
    """A business key by its token."""

    kind: str
    authority: str
    token: str


class HopAnswer(Model):
    """One message between two systems. `at`: complete at the tap, `end`: its acknowledgement.

    certainty, basis: how surely it belongs to the journey, and on what grounds.
    """

    at: datetime
    end: datetime
    duration_ms: float
    interface: str
    source: str
    destination: str
    system: str
    message: str
    operation: str
    outcome: str
    ack_code: str
    reason: str
    control_id: str
    bytes: int
    ack_bytes: int
    trace_id: str
    span_id: str
    tags: dict[str, str]
    measures: dict[str, float]
    certainty: str
    basis: str


class StepDetail(Model):
    """One step; `system` is where it should have been seen. `since`: what its deadline counts from.

    `chance` (0 to 1): the share of `chance_of` instances at this point that met it in time.
    """

    name: str
    state: str
    at: datetime | None
    deadline: datetime | None
    outcome: str
    reason: str
    system: str
    required: bool
    severity: str
    owner: str
    runbook: str
    since: datetime | None
    chance: float | None
    chance_of: int


class WorkflowDetail(Model):
    """One occurrence of one workflow; late_s: seconds past the worst open step's deadline.

    `item`: the token of the order, implant or the like it is about; `version`: of the workflow that judged
    it; `cost`: what delays have cost by the workflow's own figures.
    """

    name: str
    title: str
    occurrence: int
    item: str
    version: int
    state: str
    started_at: datetime
    ended_at: datetime | None
    facility: str
    owner: str
    severity: str
    cost: float
    step: str
    deadline: datetime | None
    late_s: float | None
    steps: list[StepDetail]


class ArrowAnswer(Model):
    """The message `cause` led to `effect` (span IDs). confidence: 0 to 1; certainty: the same as a word."""

    cause: str
    effect: str
    basis: str
    confidence: float
    certainty: str
    evidence: str


class EventAnswer(Model):
    """What a system or a person (`who`) said of the identity of the journey's keys; keys are tokens."""

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
    withdraws: str
    withdrawn: bool


class DifferenceAnswer(Model):
    """One fact before and after; null: never.

    met_at, failed_at, deadline, applies: of a step; started_at, cancelled_at, vanished: of the instance.
    """

    step: str
    fact: str
    before: datetime | None
    after: datetime | None


class ChangeAnswer(Model):
    """What was learned `at` a moment of a closed instance; reopened: it waits for something again."""

    workflow: str
    item: str
    version: int
    occurrence: int
    at: datetime
    sealed_at: datetime
    reopened: bool
    differences: list[DifferenceAnswer]


class DetailAnswer(Model):
    """Everything known of one journey at `at`; `sentence` is the answer in words."""

    journey: str
    certainty: str
    at: datetime
    sentence: str
    trace_ids: list[str]
    keys: list[KeyAnswer]
    hops: list[HopAnswer]
    lineage: list[ArrowAnswer]
    history: list[EventAnswer]
    workflows: list[WorkflowDetail]
    changes: list[ChangeAnswer]


def router(source: Source, feed: Feed, now: Callable[[], datetime]) -> APIRouter:
    """The route; may raise StoreError, which `dashboard.app` turns into 503 or 400."""
    routes = APIRouter(prefix="/api/v1", tags=["caretrail"])

    @routes.get("/journeys/{journey}")
    async def read_journey(journey: str = Path(pattern="^[0-9a-f]{32}$")) -> DetailAnswer:
        """One journey with its hops and workflows."""
        session = allowed(OPERATIONS)
        at, where_from = now(), current_address()

        def ask() -> DetailAnswer | None:
            found = source.journey(journey, at)
            if found is None:
                return None
            look = Look(at, session.who, session.role, "view_encounter", found.journey, "", where_from)
            source.record([look])
            own = {found.journey, *(key.token for key in found.keys)}
            said = concerning(source.history(sorted(own)), own)
            return _detail(found, source.sentence(found, at), at, source.lineage(found), said)

        answer = await feed.run(ask)
        if answer is None:
            raise HTTPException(404, "no journey has this token")
        return answer

    return routes


def _detail(
    journey: Journey,
    sentence: str,
    at: datetime,
    arrows: Sequence[Arrow],
    history: Sequence[IdentityEvent],
) -> DetailAnswer:
    return DetailAnswer(
        journey=journey.journey,
        certainty=journey.certainty,
        at=at,
        sentence=sentence,
        trace_ids=journey.trace_ids,
        keys=[KeyAnswer(kind=key.kind, authority=key.authority, token=key.token) for key in journey.keys],
        hops=[
            HopAnswer(**{name: getattr(hop, name) for name in HopAnswer.model_fields}) for hop in journey.hops
        ],
        lineage=[
            ArrowAnswer(**{name: getattr(arrow, name) for name in ArrowAnswer.model_fields})
            for arrow in arrows
        ],
        history=[
            EventAnswer(**{name: getattr(event, name) for name in EventAnswer.model_fields})
            for event in history
        ],
        workflows=[_workflow(row) for row in journey.workflows],
        changes=[change_answer(one) for one in journey.changes],
    )


def change_answer(change: Change) -> ChangeAnswer:
    """What late truth changed of a closed instance."""
    own = {name: getattr(change, name) for name in ChangeAnswer.model_fields if name != "differences"}
    told = [DifferenceAnswer(**one._asdict()) for one in change.differences]
    return ChangeAnswer(**own, differences=told)


def _workflow(row: InstanceRow) -> WorkflowDetail:
    return WorkflowDetail(
        name=row.workflow,
        title=row.title,
        occurrence=row.occurrence,
        item=row.item,
        version=row.version,
        state=row.state,
        started_at=row.started_at,
        ended_at=row.ended_at,
        facility=row.facility,
        owner=row.owner,
        severity=row.severity,
        cost=row.cost,
        step=row.step,
        deadline=row.deadline,
        late_s=row.late_s,
        steps=[
            StepDetail(**{name: getattr(step, name) for name in StepDetail.model_fields})
            for step in row.steps
        ],
    )
