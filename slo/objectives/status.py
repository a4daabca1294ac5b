"""Statuses of the objectives in force, computed from stored facts at the moment somebody asks.

Called by the dashboard, the REST interface and the alert loop. Writes nothing; the arithmetic is in
`slo.objectives.budget`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from slo.objectives.budget import FORECAST_WINDOW, judge
from slo.objectives.definitions import active
from slo.objectives.model import BurnWindow, Objective, ObjectiveStatus, Tally
from slo.objectives.windows import load_windows
from tracing.store import Store, load_sql


def status(store: Store, now: datetime, windows: Sequence[BurnWindow] | None = None) -> list[ObjectiveStatus]:
    """The status of every objective in force at `now`, least budget first, unknown last. Raises StoreError.

    `windows` are the burn-rate windows, the shipped ones by default.
    """
    judged = load_windows() if windows is None else tuple(windows)
    found = [_status(store, objective, judged, now) for objective in active(store)]
    return sorted(found, key=lambda one: (one.budget_remaining is None, one.budget_remaining or 0.0))


def with_decisions(package: str, name: str) -> str:
    """The SQL file `name` of `package` with the common table expression `decisions` put in."""
    decisions = load_sql("slo.objectives", "sql/decisions.sql")
    return load_sql(package, name).replace("{{decisions}}", decisions)


def _status(
    store: Store, objective: Objective, windows: Sequence[BurnWindow], now: datetime
) -> ObjectiveStatus:
    lengths = {objective.window, FORECAST_WINDOW}
    lengths |= {length for window in windows for length in (window.long, window.short)}
    scope: dict[str, Any] = {"workflow": objective.workflow, "now": now}
    rows = store.query(
        with_decisions("slo.objectives", "sql/tally.sql"),
        scope
        | {
            "step": objective.step,
            "since": now - max(lengths),
            "windows": sorted(int(length.total_seconds()) for length in lengths),
        },
    ).rows
    counted = {timedelta(seconds=row[0]): Tally(*map(int, row[1:])) for row in rows}
    tallies = {length: counted.get(length, Tally()) for length in lengths}
    last = store.query(load_sql("slo.objectives", "sql/last_start.sql"), scope).rows[0][0]
    last_event = last if last > datetime(1970, 1, 2, tzinfo=UTC) else None
    return judge(objective, windows, tallies, last_event, now)
