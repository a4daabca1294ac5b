"""What the executive page shows of one workflow, as plain frozen data.

Built by `slo.kpis.executive`, read by the dashboard. Holds aggregates only: no journey, token or key is in
here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

Unit = Literal["ratio", "seconds", "count"]
Better = Literal["higher", "lower"]
Direction = Literal["better", "worse", "same", "unknown"]


@dataclass(frozen=True)
class Definition:
    """What a number means: one sentence for people, its formula, and the SQL file in `slo.kpis` that counts
    it.
    """

    plain: str
    formula: str
    sql: str


@dataclass(frozen=True)
class TrendPoint:
    """One site-local day: `value` in the figure's unit (None without data) from `count` encounters."""

    day: date
    value: float | None
    count: int


@dataclass(frozen=True)
class Figure:
    """One number with everything needed to trust it.

    `name` is stable (`on_time`, `cycle_median`, `cycle_p90`, `incidents`, `longest_incident`, `affected`);
    `value`, `previous` and `target` are in `unit` (ratio is 0 to 1, seconds are float). `count` and
    `previous_count` are the encounters behind them. `sentence` says value, change and target in words.
    """

    name: str
    title: str
    unit: Unit
    better: Better
    value: float | None
    previous: float | None
    count: int
    previous_count: int
    target: float | None
    trend: tuple[TrendPoint, ...]
    sentence: str
    definition: Definition

    @property
    def direction(self) -> Direction:
        """Which way it went since the period before; `same` below half a percent of the earlier value."""
        if self.value is None or self.previous is None:
            return "unknown"
        if abs(self.value - self.previous) <= 0.005 * abs(self.previous):
            return "same"
        return "better" if (self.value > self.previous) == (self.better == "higher") else "worse"

    @property
    def on_target(self) -> bool | None:
        """Whether the target is met; None without target or data."""
        if self.value is None or self.target is None:
            return None
        return self.value >= self.target if self.better == "higher" else self.value <= self.target


@dataclass(frozen=True)
class Incident:
    """Consecutive hours with trouble: `first` to `until` (UTC), encounters hit, and the step hit most."""

    first: datetime
    until: datetime
    affected: int
    step: str

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return (self.until - self.first).total_seconds()


@dataclass(frozen=True)
class Mover:
    """A step or facility whose on-time share changed by more than chance explains.

    `rate` and `previous` are on-time shares (0 to 1) of `count` and `previous_count` encounters; `sentence`
    says it in words. `name` is a step name or facility code.
    """

    kind: Literal["step", "facility"]
    name: str
    direction: Literal["better", "worse"]
    rate: float
    previous: float
    count: int
    previous_count: int
    sentence: str


@dataclass(frozen=True)
class WorkflowKpi:
    """The executive view of one workflow for the period `since` to `until` (UTC) and the equal one before.

    The six figures are named fields and, in reading order, `figures`. `movers` has the worse first, each by
    size of change. `movers_definition` says when something counts as moved.
    """

    workflow: str
    title: str
    owner: str
    since: datetime
    until: datetime
    on_time: Figure
    cycle_median: Figure
    cycle_p90: Figure
    incidents: Figure
    longest_incident: Figure
    affected: Figure
    incident_list: tuple[Incident, ...]
    movers: tuple[Mover, ...]
    movers_definition: Definition

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The six figures in reading order."""
        return (
            self.on_time,
            self.cycle_median,
            self.cycle_p90,
            self.incidents,
            self.longest_incident,
            self.affected,
        )
