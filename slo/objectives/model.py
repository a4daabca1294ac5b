"""What an objective is and what is known about it now, as plain frozen data.

Objectives come from OpenSLO documents (`slo.objectives.files`); statuses from `slo.objectives.status`, read
by the dashboard, the KPIs and the alert conditions. Rates are 0 to 1, burn rates multiples of the sustainable
rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

State = Literal["healthy", "burning", "exhausted", "unknown"]


@dataclass(frozen=True)
class BurnWindow:
    """A pair of windows and the burn rate at which both together raise an alert of `severity`.

    `minimum_events` is the number of bad events the long window must hold.
    """

    severity: str
    factor: float
    long: timedelta
    short: timedelta
    minimum_events: int


@dataclass(frozen=True)
class Objective:
    """One service level objective: `target` (0 to 1) of the workflow's encounters in time over rolling
    `window`.

    `step` narrows it to one step's deadline; empty means every step that applies.
    """

    name: str
    title: str
    service: str
    description: str
    workflow: str
    step: str
    target: float
    window: timedelta


@dataclass(frozen=True)
class Tally:
    """Decided encounters of one window: met every deadline, missed one, left out by a correction."""

    good: int = 0
    bad: int = 0
    excluded: int = 0

    @property
    def total(self) -> int:
        """The encounters that count."""
        return self.good + self.bad

    @property
    def rate(self) -> float | None:
        """Share in time; None without encounters."""
        return self.good / self.total if self.total else None


@dataclass(frozen=True)
class Burn:
    """The burn rates of one window pair; None where the window has no encounters. `firing` when both
    exceed.
    """

    window: BurnWindow
    long_rate: float | None
    short_rate: float | None
    bad: int
    firing: bool


@dataclass(frozen=True)
class ObjectiveStatus:
    """An objective at `at`: its rate, its budget and how fast that goes.

    `rate` is the share in time over the window, None when nothing was decided. `budget_events` is how many
    bad encounters the window allows at its present volume, `budget_remaining` the share of that left
    (negative when overspent, None when unknown). `exhausted_at` is when the budget ends if the last day's
    burning goes on; None when it does not. `last_event` is the latest start of an encounter; `reason` says
    why the state is what it is.
    """

    objective: Objective
    at: datetime
    state: State
    reason: str
    tally: Tally
    rate: float | None
    budget_events: float
    budget_remaining: float | None
    burns: tuple[Burn, ...]
    exhausted_at: datetime | None
    last_event: datetime | None
