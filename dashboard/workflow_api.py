"""`/api/v1/workflows/…`: reconciliation, drafts scored over history, activation, versions, discovery.

Called by `dashboard.app`; the command line asks here, because a running core has the embedded store to
itself. Questions that look over weeks of history have a thread of their own, one at a time, so that pages
stay quick.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Annotated, TypeVar

from fastapi import APIRouter, HTTPException, Query
from pydantic import AwareDatetime, Field

from dashboard.api import OPERATIONS, Model, allowed
from dashboard.audit import Look
from dashboard.auth import Session, current_address
from dashboard.feed import Feed
from dashboard.source import Source
from dashboard.workflow_answers import (
    ActivationAnswer,
    BacktestAnswer,
    ConformanceAnswer,
    DiscoveryAnswer,
    ReconciliationAnswer,
    VersionsAnswer,
)
from slo.workflows.load import Definition, define_text
from slo.workflows.model import JOURNEYS
from tracing.documents import DocumentError

T = TypeVar("T")
#: Sums are for everybody; whose journeys they are is not.
_SUMS = OPERATIONS | {"executive"}
#: Whose work workflows are; an admin may everything.
_AUTHORS = frozenset({"engineer"})
#: With it, a version judges everything there is.
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_DAYS = Query(ge=1, le=400)
_LONGEST = 500_000


class BacktestRequest(Model):
    """A draft as its YAML text."""

    yaml: str = Field(min_length=1, max_length=_LONGEST)
    days: int = Field(30, ge=1, le=400)
    limit: int = Field(100, ge=0, le=10_000, description="Changed verdicts to list by journey.")


class ActivationRequest(Model):
    """A workflow as its YAML text.  rescore: judge the past anew, too, from `since` or from the beginning."""

    yaml: str = Field(min_length=1, max_length=_LONGEST)
    rescore: bool = False
    since: AwareDatetime | None = None


class DiscoveryRequest(Model):
    """What to propose a workflow for: journeys of a kind, that begin with `start` (MESSAGE@INTERFACE)."""

    journey: str = "visit"
    days: int = Field(30, ge=1, le=400)
    start: str | None = Field(None, max_length=200)


def router(source: Source, feed: Feed, now: Callable[[], datetime]) -> APIRouter:
    """The routes; each may raise StoreError."""
    routes = APIRouter(prefix="/api/v1", tags=["caretrail"])
    patient = ThreadPoolExecutor(1, thread_name_prefix="workbench")

    async def at_length(ask: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(patient, ask)

    async def listed(session: Session, journeys: set[str], why: str) -> None:
        """A program polls; a person reading patients one by one is what the audit is about."""
        at, where_from = now(), current_address()
        looks = [
            Look(at, session.who, session.role, "list", one, why, where_from) for one in sorted(journeys)
        ]
        if looks and session.who != "api":
            await feed.run(source.record, looks)

    @routes.get("/workflows/{name}/reconciliation")
    async def reconciliation(
        name: str,
        days: Annotated[int, _DAYS] = 7,
        by: Annotated[list[str] | None, Query()] = None,
        measure: str | None = None,
        limit: Annotated[int, Query(ge=0, le=1000)] = 100,
    ) -> ReconciliationAnswer:
        """What the steps of a workflow counted, compared; except for executives, by whom they differ."""
        session = allowed(_SUMS)
        named, at = session.may(OPERATIONS), now()
        try:
            reports = await feed.run(
                source.workbench.reconcile, name, at, days, by or (), measure, limit if named else 0
            )
        except LookupError as error:
            raise HTTPException(404, str(error)) from error
        except ValueError as error:
            raise HTTPException(422, _first_line(error)) from error
        journeys = {one.journey for report in reports for one in report.differences}
        await listed(session, journeys, f"reconciliation of {name}")
        return ReconciliationAnswer.of(reports, named)

    @routes.get("/workflows/{name}/versions")
    async def versions(name: str) -> VersionsAnswer:
        """Every version there was, and since when it judges."""
        allowed(OPERATIONS)
        found = await feed.run(source.workbench.versions, name)
        if not found:
            raise HTTPException(404, f"there is no workflow {name!r}")
        return VersionsAnswer.of(name, found)

    @routes.get("/workflows/{name}/conformance")
    async def conformance(name: str, days: Annotated[int, _DAYS] = 30) -> ConformanceAnswer:
        """The ten most frequent deviations from a workflow."""
        session, at = allowed(OPERATIONS), now()
        try:
            found = await at_length(lambda: source.workbench.conform(name, at, days))
        except LookupError as error:
            raise HTTPException(404, str(error)) from error
        journeys = {journey for one in found.deviations for journey in one.examples}
        await listed(session, journeys, f"conformance of {name}")
        return ConformanceAnswer.of(found)

    @routes.post("/workflows/backtest")
    async def score_draft(request: BacktestRequest) -> BacktestAnswer:
        """Scores history with a draft, beside the verdicts that stand. Nothing is activated or changed."""
        session, at = allowed(_AUTHORS), now()
        draft = _defined(request.yaml)
        found = await at_length(lambda: source.workbench.backtest(draft, at, request.days, request.limit))
        journeys = {one.journey for one in found.changes}
        await listed(session, journeys, f"backtest of {found.workflow}")
        return BacktestAnswer.of(found)

    @routes.post("/workflows/discover")
    async def propose(request: DiscoveryRequest) -> DiscoveryAnswer:
        """Proposes a workflow from what happened."""
        allowed(_AUTHORS)
        at = now()
        if request.journey not in JOURNEYS:
            raise HTTPException(422, f"journey: one of {', '.join(JOURNEYS)}")
        try:
            found = await at_length(
                lambda: source.workbench.discover(request.journey, at, request.days, request.start)
            )
        except LookupError as error:
            raise HTTPException(404, str(error)) from error
        return DiscoveryAnswer.of(found)

    @routes.post("/workflows/activate")
    async def activate_workflow(request: ActivationRequest) -> ActivationAnswer:
        """Makes a workflow active: it judges what starts from now on; rescored, what started before too."""
        session, at, where_from = allowed(_AUTHORS), now(), current_address()
        draft = _defined(request.yaml)
        valid_from = (request.since or BEGINNING) if request.rescore else None

        def act() -> ActivationAnswer:
            words = describe(draft, valid_from)
            # Written down before it is done: what cannot be recorded does not happen.
            source.record([Look(at, session.who, session.role, "activate", "", words, where_from)])
            done = source.workbench.activate(draft, at, valid_from)
            return ActivationAnswer(workflow=done.name, version=done.version, changed=done.changed)

        return await at_length(act)

    return routes


def describe(draft: Definition, valid_from: datetime | None) -> str:
    """What the audit says of an activation."""
    when = "" if valid_from is None else f", rescored from {valid_from:%Y-%m-%d %H:%M} UTC"
    if valid_from == BEGINNING:
        when = ", rescored from the beginning"
    return f"{draft.workflow.name}{when}"


def _defined(text: str) -> Definition:
    try:
        return define_text(text, "workflow")
    except DocumentError as error:
        raise HTTPException(422, str(error)) from error


def _first_line(error: ValueError) -> str:
    return str(error).partition("\n")[0]
