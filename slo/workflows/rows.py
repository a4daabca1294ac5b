"""What the read side of workflows answers with: plain frozen rows, no store types in them.

Made by slo.workflows.read; used by the dashboard, the REST API, alerts and `caretrail where`.
All times are aware UTC datetimes; all durations are seconds unless a name says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, NamedTuple

StepState = Literal[
    "pending", "at_risk", "met", "met_late", "overdue", "failed", "not_applicable", "cancelled"
]
InstanceState = Literal[
    "on_track", "at_risk", "completed", "completed_late", "overdue", "failed", "cancelled"
]
STEP_STATES: tuple[StepState, ...] = (
    "pending",
    "at_risk",
    "met",
    "met_late",
    "overdue",
    "failed",
    "not_applicable",
    "cancelled",
)
#: Worst first, as boards sort them.
INSTANCE_STATES: tuple[InstanceState, ...] = (
    "failed",
    "overdue",
    "at_risk",
    "on_track",
    "completed_late",
    "completed",
    "cancelled",
)


@dataclass(frozen=True, slots=True)
class Tile:
    """One workflow on the board.

    `counts` has every instance state as a key. Open states (failed, overdue, at_risk, on_track) count
    all open instances; closed states (completed, completed_late, cancelled) those closed in the last 24 h.
    `on_time_24h` and `usual` are shares between 0 and 1, None when nothing was decided in the window.
    `spark` has 24 shares, oldest hour first; `computed_at` is the age of the three shares.
    `next_due` is the earliest deadline of what is open; `passing`: deadlines that pass soon, each with
    the state it ends and how many instances it is of.
    """

    workflow: str
    title: str
    owner: str
    criticality: str
    counts: dict[InstanceState, int]
    oldest_overdue_s: float | None
    on_time_24h: float | None
    usual: float | None
    spark: list[float | None]
    started_24h: int
    target: float | None = None
    computed_at: datetime | None = None
    next_due: datetime | None = None
    passing: tuple[tuple[datetime, InstanceState, int], ...] = ()

    def at(self, now: datetime) -> Tile:
        """This tile once the deadlines before `now` have passed, as far as it knows them."""
        counts = dict(self.counts)
        for due, state, instances in self.passing:
            if due < now:
                counts[state] -= instances
                counts["overdue"] += instances
        late = (now - self.next_due).total_seconds() if self.next_due and self.next_due < now else None
        coming = tuple(one for one in self.passing if one[0] >= now)
        return replace(self, counts=counts, oldest_overdue_s=late, passing=coming)


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step of one instance. `at` is when it was met, or refused when it failed; None when unseen.

    `system` is the destination the step is about, "" when the definition names none. `required`: the instance
    waits for it. `since`: what the deadline counts from, None while the step before is open. `chance` (0 to
    1): the share of `chance_of` instances that were at this point and met it in time; None: too few were.
    `forbidden`: it must not happen before another step, and is met when that one comes first.
    """

    name: str
    state: StepState
    at: datetime | None
    deadline: datetime | None
    outcome: str
    reason: str
    system: str
    ack_code: str = ""
    required: bool = True
    severity: str = ""
    owner: str = ""
    runbook: str = ""
    cost_per_hour: float = 0.0
    since: datetime | None = None
    chance: float | None = None
    chance_of: int = 0
    forbidden: bool = False


@dataclass(frozen=True, slots=True)
class InstanceRow:
    """One occurrence of one workflow for one journey, judged at the `now` that was asked for.

    `step` is the worst step that is still open ("" when none), `deadline` and `reason` are that step's,
    `late_s` how long its deadline has passed (negative: time left; None: no open step). `item` is the token
    of the item in a workflow with `for_each`; `severity`, `chance` and `chance_of` are the worst
    step's; `cost` is what delays cost.
    """

    workflow: str
    title: str
    journey: str
    occurrence: int
    state: InstanceState
    started_at: datetime
    facility: str
    step: str
    deadline: datetime | None
    late_s: float | None
    reason: str
    owner: str
    steps: list[StepRow]
    certainty: str = "certain"
    cancelled_at: datetime | None = None
    item: str = ""
    version: int = 0
    ended_at: datetime | None = None
    severity: str = ""
    cost: float = 0.0
    chance: float | None = None
    chance_of: int = 0


@dataclass(frozen=True, slots=True)
class Hop:
    """One span of a journey. `at` is when the message was complete at the tap, `end` its acknowledgement.

    `token` is the key, or the trace, by which it belongs to the journey; `certainty` and `basis` say how
    surely and why, as tracing.identity.model.Place does.
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
    tags: dict[str, str] = field(default_factory=dict)
    measures: dict[str, float] = field(default_factory=dict)
    certainty: str = "certain"
    basis: str = "own"
    token: str = ""


class SealedKey(NamedTuple):
    """One key of a journey: readable only by someone who may open `sealed`."""

    kind: str
    authority: str
    token: str
    sealed: str


class Difference(NamedTuple):
    """One fact, of a step or ("") of the instance, before and after; None: never.

    `fact` is started_at, cancelled_at, met_at, failed_at, deadline, applies (a time when it does), vanished.
    """

    step: str
    fact: str
    before: datetime | None
    after: datetime | None


@dataclass(frozen=True, slots=True)
class Change:
    """What was learned `at` a moment of one instance that had been closed and judged at `sealed_at`.

    `reopened`: it waits for something again.
    """

    workflow: str
    journey: str
    item: str
    version: int
    occurrence: int
    sealed_at: datetime
    at: datetime
    reopened: bool
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Journey:
    """Everything known of one journey; `hops` are in time order, `workflows` worst first.

    `changes`: what late truth changed of instances that were closed, oldest first.
    """

    journey: str
    kind: str
    certainty: str
    trace_ids: list[str]
    keys: list[SealedKey]
    hops: list[Hop]
    workflows: list[InstanceRow]
    changes: list[Change] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Outline:
    """A journey as a list shows it: `hops` counts its messages, `began` is the first of them."""

    journey: str
    certainty: str
    trace_ids: list[str]
    hops: int
    began: datetime
    workflows: list[InstanceRow]


class Found(NamedTuple):
    """A journey that a token leads to."""

    journey: str
    certainty: str
    token: str
    kind: str
