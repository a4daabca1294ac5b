"""What the conditions look at: counts and times read from the store, as plain frozen data.

Filled by `slo.alerts.observe`, judged by `slo.alerts.conditions`. A field that could not be read is None,
which no condition takes for silence or for health.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from slo.objectives.model import ObjectiveStatus
from slo.workflows.model import Criticality


@dataclass(frozen=True)
class StepTrouble:
    """Encounters of one workflow that stand at one step: overdue there, or refused there with nothing
    after. `severity` is the worst of them, `owner` and `runbook` are that one's.
    """

    workflow: str
    step: str
    kind: Literal["overdue", "failed"]
    affected: int
    oldest: datetime
    severity: Criticality = "high"
    owner: str = ""
    runbook: str = ""


@dataclass(frozen=True)
class InterfaceActivity:
    """One interface: when it was last seen, and what came in the same stretch of the weeks before.

    `expected` is the mean number of messages between `last_seen` and now in `weeks` earlier weeks, each a
    whole number of weeks ago, so that nights and weekends compare with nights and weekends. `taps` carry it.
    """

    interface: str
    last_seen: datetime
    expected: float
    weeks: int
    taps: tuple[str, ...] = ()


@dataclass(frozen=True)
class Doubt:
    """Open key collisions of one kind of key for one reason: how many keys, and since when the oldest."""

    why: str
    kind: str
    keys: int
    oldest: datetime


@dataclass(frozen=True)
class EngineTrouble:
    """An integration engine that gives no answer, or channels of it that stand still though messages came.

    kind: `away` (no answer), `refused` (it does not let us in), `stopped` (channels with messages in the last
    day), `disconnected` (channels whose messages wait for a connection). since: the first of them, None where
    it has been so for longer than a day. queued: what waits in them.
    """

    engine: str
    kind: Literal["away", "refused", "stopped", "disconnected"]
    channels: tuple[str, ...] = ()
    since: datetime | None = None
    queued: int = 0


@dataclass(frozen=True)
class Observations:
    """One look at everything."""

    steps: tuple[StepTrouble, ...] = ()
    interfaces: tuple[InterfaceActivity, ...] = ()
    objectives: tuple[ObjectiveStatus, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    engines: tuple[EngineTrouble, ...] = ()
