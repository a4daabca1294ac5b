"""How likely an instance meets its deadlines from here: what became of those that were at the same point.

Read by slo.workflows.judgement for the rows people see; lists and counts take the thresholds alone, in SQL
(at_risk_from.sql, open_state.sql). The point is which steps are still waiting, what share of a step's time is
used up, and in which hours the instance began. Where fewer than fifty were like it, it says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isqrt
from typing import NamedTuple
from zoneinfo import ZoneInfo

from slo.workflows.facts import NEVER, Facts
from tracing.store import Store, load_sql

_PACKAGE = "slo.workflows.sql"
#: Cells of a curve: cell n is the share (n / CELLS)^2 of the time that a step has.
CELLS = 200
_MILLISECOND = timedelta(milliseconds=1)
_Point = tuple[str, int, int, int]


class Chance(NamedTuple):
    """`share` (0 to 1) of the `total` instances that were like this one met the step in time."""

    share: float
    total: int


class _Curve(NamedTuple):
    made: Sequence[int]
    total: Sequence[int]
    at_risk_ppm: int


@dataclass(frozen=True, slots=True)
class Chances:
    """What was learned about the points that some instances are at."""

    zones: Mapping[tuple[str, int], str]
    curves: Mapping[_Point, Mapping[int, _Curve]]

    @classmethod
    def of(cls, store: Store, instances: Iterable[Facts], now: datetime) -> Chances:
        """Read what concerns these instances at `now`; two small queries, however many they are."""
        zones: dict[tuple[str, int], str] = {}
        open_ones = [facts for facts in instances if _waiting(facts, now)]
        if open_ones:
            rows = store.query(load_sql(_PACKAGE, "chance_zones.sql")).rows
            zones = {(workflow, version): zone for workflow, version, zone in rows}
        points = {point for facts in open_ones if (point := _point(facts, now, zones)) is not None}
        curves: dict[_Point, dict[int, _Curve]] = {}
        if points:
            wanted = {
                "workflows": sorted({point[0] for point in points}),
                "waiting": sorted({point[2] for point in points}),
            }
            for row in store.query(load_sql(_PACKAGE, "chance_points.sql"), wanted).rows:
                workflow, version, waiting, hours, step, *curve = row
                if (point := (workflow, version, waiting, hours)) in points:
                    curves.setdefault(point, {})[step - 1] = _Curve(*curve)
        return cls(zones, curves)

    def risk(self, facts: Facts, now: datetime) -> list[float]:
        """Per step, the seconds after the start from which it is at risk; negative: never, or not known."""
        curves = self._curves(facts, now)
        return [
            _after(facts, place, curves[place]) if place in curves else -1.0
            for place in range(len(facts.steps))
        ]

    def chance(self, facts: Facts, place: int, now: datetime) -> Chance | None:
        """How likely the step is to be met in time, from `now` on; None when too few were like it."""
        curve = self._curves(facts, now).get(place)
        step = facts.steps[place]
        if curve is None or not facts.started_at <= now <= step.deadline or not step.base <= now:
            return None
        allowed = (step.deadline - facts.started_at) // _MILLISECOND
        used = (now - facts.started_at) // _MILLISECOND
        cell = isqrt(CELLS * CELLS * used // allowed) if allowed else 0
        total = curve.total[cell]
        return Chance(curve.made[cell] / total, total) if total else None

    def _curves(self, facts: Facts, now: datetime) -> Mapping[int, _Curve]:
        point = _point(facts, now, self.zones)
        return self.curves.get(point, {}) if point is not None else {}


#: Nothing is known of anything.
NONE = Chances({}, {})


def hours_of(started_at: datetime, zone: str) -> int:
    """Weekday by day (0) or night (1), weekend by day (2) or night (3); day is seven to seven, in `zone`."""
    here = started_at.astimezone(ZoneInfo(zone))
    return (here.isoweekday() > 5) * 2 + (not 7 <= here.hour <= 18)


def _waiting(facts: Facts, now: datetime) -> int:
    """Mask of the steps the instance still waits for, lowest bit is the first; 0 when it is over."""
    if facts.cancelled_at <= now:
        return 0
    return sum(
        1 << place
        for place, step in enumerate(facts.steps)
        if step.applicable and step.required and step.met_at > now
    )


def _point(facts: Facts, now: datetime, zones: Mapping[tuple[str, int], str]) -> _Point | None:
    zone = zones.get((facts.workflow, facts.version))
    waiting = _waiting(facts, now)
    if zone is None or not waiting:
        return None
    return facts.workflow, facts.version, waiting, hours_of(facts.started_at, zone)


def _after(facts: Facts, place: int, curve: _Curve) -> float:
    deadline = facts.steps[place].deadline
    if curve.at_risk_ppm < 0 or deadline >= NEVER:
        return -1.0
    milliseconds = (deadline - facts.started_at) // _MILLISECOND * curve.at_risk_ppm // 1_000_000
    # Half a millisecond more, so that whole ones survive the way through a float.
    return (milliseconds + 0.5) / 1000
