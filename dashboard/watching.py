"""Boards that know what the next seconds bring: a deadline shows when it passes, not when somebody asked.

An answer about a million open instances takes a second, and a wall is to be right every second. So an answer
says which deadlines pass soon, and is shown as of the moment of looking. Called by `dashboard.places`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

from dashboard.feed import Snapshot
from dashboard.source import Source, Watched
from slo.workflows.read import INSTANCE_STATES, NEEDS_SOMEBODY, OPEN_STATES, InstanceRow

T = TypeVar("T")
#: How much of the future is asked for, and so how long an answer serves while the next one is worked out.
AHEAD: Final = timedelta(seconds=10)
LIST_LIMIT: Final = 200


@dataclass(frozen=True, slots=True)
class Closed:
    """Instances that waiting does not change."""

    found: list[InstanceRow]

    def rows(self, now: datetime) -> list[InstanceRow]:
        """All of them, at any moment."""
        return self.found


def matching(source: Source, query: Mapping[str, str], now: datetime, ahead: timedelta) -> Watched:
    """Instances an address asks for with workflow, state and facility; raises StoreError."""
    workflow, facility = query.get("workflow") or None, query.get("facility") or None
    code = next((code for code in INSTANCE_STATES if code == query.get("state")), None)
    if code is None or code in OPEN_STATES:
        states = NEEDS_SOMEBODY if code is None else (code,)
        return source.watched(now, LIST_LIMIT, workflow, facility, ahead, states)
    names = [workflow] if workflow else [tile.workflow for tile in source.tiles(now)]
    rows = [row for name in names for row in source.instances(name, now, code, LIST_LIMIT)]
    rows = [row for row in rows if facility in (None, row.facility)]
    rows.sort(key=lambda row: row.late_s if row.late_s is not None else float("-inf"), reverse=True)
    return Closed(rows[:LIST_LIMIT])


def moment_of(shot: Snapshot[T], now: datetime) -> datetime:
    """The moment to show: now, but no later than an answer that is not renewed can know."""
    taken_at = shot.taken_at or now
    return min(max(now, taken_at), taken_at + AHEAD)
