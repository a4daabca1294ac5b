"""What `/api/v1/workflows/…` answers of reconciliation, drafts, versions, discovery and conformance.

Made by `dashboard.workflow_api`, and by the command line when no instance runs. Answers are closed: a field
is there because it is promised. Journeys and items are tokens.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Self

from dashboard.api import Model
from dashboard.workbench import Version
from slo.workflows.backtest.score import Backtest, Rate
from slo.workflows.discover.conform import Conformance
from slo.workflows.discover.propose import Proposal
from slo.workflows.reconcile.rows import Difference, Report


class MessageAnswer(Model):
    """A message a step counted, by its first sighting."""

    at: datetime
    span_id: str
    value: float


class SaidAnswer(Model):
    """What one step said of one case; why: what is wrong with it, "" when it agrees."""

    step: str
    count: int
    value: float
    why: str
    messages: list[MessageAnswer]


class DifferenceAnswer(Model):
    """A case whose steps disagree; occurrence 0: the workflow never started for it."""

    journey: str
    item: str
    occurrence: int
    began: datetime
    certainty: str
    group: list[str]
    currency: str
    said: list[SaidAnswer]
    apart: float

    @classmethod
    def of(cls, one: Difference) -> Self:
        """From the row."""
        found = asdict(one)
        return cls(group=list(found.pop("keys")), **found)


class GroupAnswer(Model):
    """Totals of one group, sequences in the order of the steps; state: differs, offset, tolerated, agrees."""

    group: list[str]
    currency: str
    state: str
    settled: int
    waiting: int
    cancelled: int
    exempt: int
    differing: int
    counts: list[int]
    values: list[float]
    unmeasured: list[int]
    net: float
    gross: float


class ReportAnswer(Model):
    """One rule over one time, days in `zone`; differing: cases that disagree, listed or not."""

    workflow: str
    title: str
    owner: str
    measure: str
    steps: list[str]
    by: list[str]
    tolerance: str
    since: datetime
    at: datetime
    zone: str
    state: str
    differing: int
    groups: list[GroupAnswer]
    differences: list[DifferenceAnswer]

    @classmethod
    def of(cls, report: Report, named: bool = True) -> Self:
        """named: with the cases that make the difference, not only sums."""
        groups = [asdict(group) for group in report.groups]
        return cls(
            workflow=report.workflow,
            title=report.title,
            owner=report.owner,
            measure=report.measure,
            steps=list(report.steps),
            by=list(report.by),
            tolerance=str(report.tolerance),
            since=report.since,
            at=report.at,
            zone=report.zone,
            state=report.state,
            differing=report.differing,
            groups=[GroupAnswer(group=list(group.pop("keys")), **group) for group in groups],
            differences=[DifferenceAnswer.of(one) for one in report.differences] if named else [],
        )


class ReconciliationAnswer(Model):
    """A report for each rule of a workflow."""

    reports: list[ReportAnswer]

    @classmethod
    def of(cls, reports: list[Report], named: bool = True) -> Self:
        """From the reports."""
        return cls(reports=[ReportAnswer.of(report, named) for report in reports])


class RateAnswer(Model):
    """Decided in time and not; share is null when nothing was decided."""

    good: int
    bad: int
    share: float | None

    @classmethod
    def of(cls, rate: Rate) -> Self:
        """From the counts."""
        return cls(good=rate.good, bad=rate.bad, share=rate.share)


class TransitionAnswer(Model):
    """Verdicts that would be another, by the step that decides; examples are journeys. "": no instance."""

    was: str
    becomes: str
    step: str
    how: str
    count: int
    examples: list[str]


class ChangeAnswer(Model):
    """One verdict that would be another."""

    journey: str
    item: str
    started_at: datetime
    was: str
    becomes: str
    step: str
    how: str


class BacktestAnswer(Model):
    """What a draft would have said; `then` and `now` are how many were on time by old and new words."""

    workflow: str
    versions: list[int]
    since: datetime
    at: datetime
    words: list[str]
    compared: int
    changed: int
    then: RateAnswer
    now: RateAnswer
    verdicts_then: dict[str, int]
    verdicts_now: dict[str, int]
    transitions: list[TransitionAnswer]
    changes: list[ChangeAnswer]

    @classmethod
    def of(cls, found: Backtest) -> Self:
        """From the result."""
        return cls(
            workflow=found.workflow,
            versions=list(found.versions),
            since=found.since,
            at=found.at,
            words=list(found.words),
            compared=found.compared,
            changed=found.changed,
            then=RateAnswer.of(found.then),
            now=RateAnswer.of(found.now),
            verdicts_then=dict(found.verdicts_then),
            verdicts_now=dict(found.verdicts_now),
            transitions=[TransitionAnswer.model_validate(asdict(one)) for one in found.transitions],
            changes=[ChangeAnswer.model_validate(asdict(one)) for one in found.changes],
        )


class VersionAnswer(Model):
    """A version; it judges what started at `valid_from` or later, until the next one's."""

    version: int
    active: bool
    valid_from: datetime
    activated_at: datetime
    yaml: str


class VersionsAnswer(Model):
    """Every version of a workflow, the newest first."""

    workflow: str
    versions: list[VersionAnswer]

    @classmethod
    def of(cls, name: str, versions: list[Version]) -> Self:
        """From the rows."""
        rows = [asdict(one) for one in versions]
        return cls(
            workflow=name, versions=[VersionAnswer(**{k: row[k] for k in row if k != "name"}) for row in rows]
        )


class ActivationAnswer(Model):
    """What came of an activation; changed is false when this very text was active already."""

    workflow: str
    version: int
    changed: bool


class PathAnswer(Model):
    """An order in which activities happened, in how many journeys, and one of them."""

    activities: list[str]
    journeys: int
    example: str


class FollowsAnswer(Model):
    """`second` came next after `first`; seconds."""

    first: str
    second: str
    times: int
    p50: float
    p95: float


class ActivityAnswer(Model):
    """A message on an interface after the start; seconds, and in what share of journeys."""

    name: str
    journeys: int
    p50: float
    p95: float
    repeated: int
    share: float


class DiscoveryAnswer(Model):
    """A proposed workflow, and what it was read from; coverage: the share of journeys that follow it.

    for_each: what it has an instance for each of, "" for one a journey. did: what was done to find it.
    """

    journey: str
    start: str
    since: datetime
    at: datetime
    journeys: int
    coverage: float
    coverage_of: int
    yaml: str
    starts: dict[str, int]
    activities: list[ActivityAnswer]
    paths: list[PathAnswer]
    paths_of: int
    follows: list[FollowsAnswer]
    for_each: str
    did: list[str]

    @classmethod
    def of(cls, proposal: Proposal) -> Self:
        """From the proposal."""
        seen = proposal.observed
        return cls(
            journey=seen.journey,
            start=seen.start,
            since=seen.since,
            at=seen.at,
            journeys=seen.journeys,
            coverage=proposal.coverage.rate,
            coverage_of=proposal.coverage.old,
            yaml=proposal.yaml,
            starts=dict(seen.starts),
            activities=[
                ActivityAnswer(
                    name=one.name,
                    journeys=one.journeys,
                    p50=one.p50,
                    p95=one.p95,
                    repeated=one.repeated,
                    share=one.share.rate,
                )
                for one in seen.activities
            ],
            paths=[PathAnswer.model_validate(asdict(path)) for path in seen.paths],
            paths_of=seen.paths_of,
            follows=[FollowsAnswer.model_validate(asdict(one)) for one in seen.follows],
            for_each=proposal.thing.kind if proposal.thing else "",
            did=list(proposal.did),
        )


class DeviationAnswer(Model):
    """One way of leaving a workflow, how often, and journeys that did."""

    kind: str
    step: str
    count: int
    sentence: str
    examples: list[str]


class ConformanceAnswer(Model):
    """How a workflow is followed: of the decided occurrences, `good` kept every deadline."""

    workflow: str
    title: str
    since: datetime
    at: datetime
    began: int
    decided: int
    good: int
    kinds: int
    deviations: list[DeviationAnswer]

    @classmethod
    def of(cls, found: Conformance) -> Self:
        """From the result."""
        return cls.model_validate(asdict(found))
