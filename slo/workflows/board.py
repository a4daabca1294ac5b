"""What a wall and its lists show: a tile per workflow, the encounters that need somebody, instances by state.

Reached through slo.workflows.read. Counts and order come from open_instances and instance_hours, which stay
small however much history there is; only the rows shown are read from instances.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from slo.workflows.compile import open_state_expression
from slo.workflows.judgement import PACKAGE, Judge, Key, facts_of
from slo.workflows.rows import INSTANCE_STATES, InstanceRow, InstanceState, Tile
from tracing.store import Store, load_sql


class _Hour(NamedTuple):
    """A row of instance_hours."""

    hour: datetime
    started: int
    good: int
    bad: int
    completed: int
    completed_late: int
    cancelled: int
    computed_at: datetime


_HOUR = timedelta(hours=1)
_OPEN_STATES = ("failed", "overdue", "at_risk", "on_track")
_NOW = "{now:DateTime64(3, 'UTC')}"
#: Closed states need no look at single steps, which would be most of what there is to read.
_CLOSED = {
    "completed": f"i.cancelled_at > {_NOW} AND i.good_at <= {_NOW}",
    "completed_late": f"i.cancelled_at > {_NOW} AND i.done_at <= {_NOW} AND i.good_at > {_NOW}",
    "cancelled": f"i.cancelled_at <= {_NOW}",
}
#: Looked through one after the other for closed instances, so that a busy site reads a week, not a year.
_LOOK_BACK = (timedelta(days=2), timedelta(days=14), timedelta(days=3660))


def tiles(store: Store, now: datetime) -> list[Tile]:
    """A tile per active workflow, most critical first. Shares are over whole hours, this one included."""
    judge = Judge.of(store)
    counts: dict[str, dict[InstanceState, int]] = defaultdict(lambda: dict.fromkeys(INSTANCE_STATES, 0))
    oldest: dict[str, datetime] = {}
    sql = _open_sql("open_counts.sql")
    for workflow, state, instances, due in store.query(sql, {"now": now}).rows:
        counts[workflow][state] += instances
        oldest[workflow] = min(due, oldest.get(workflow, due))
    this = now.replace(minute=0, second=0, microsecond=0)
    day_began = this - 23 * _HOUR
    hours: dict[str, list[_Hour]] = defaultdict(list)
    window = {"since": day_began - timedelta(days=30), "until": this}
    for workflow, *row in store.query(load_sql(PACKAGE, "hours.sql"), window).rows:
        hours[workflow].append(_Hour(*row))
    ranks = ("critical", "high", "medium", "low")
    answer = []
    for name, workflow in judge.workflows.items():
        day = {row.hour: row for row in hours[name] if row.hour >= day_began}
        before = [row for row in hours[name] if row.hour < day_began]
        counts[name]["completed"] = sum(row.completed for row in day.values())
        counts[name]["completed_late"] = sum(row.completed_late for row in day.values())
        counts[name]["cancelled"] = sum(row.cancelled for row in day.values())
        late = (now - oldest[name]).total_seconds() if name in oldest and oldest[name] < now else None
        spark = [
            _share([day[hour]]) if hour in day else None
            for hour in (day_began + n * _HOUR for n in range(24))
        ]
        target = workflow.spec.objective.target if workflow.spec.objective else None
        answer.append(
            Tile(
                workflow=name,
                title=workflow.title,
                owner=workflow.metadata.owner,
                criticality=workflow.metadata.criticality,
                counts=counts[name],
                oldest_overdue_s=late,
                on_time_24h=_share(day.values()),
                usual=_share(before),
                spark=spark,
                started_24h=sum(row.started for row in day.values()),
                target=target,
                computed_at=max((row.computed_at for row in day.values()), default=None),
            )
        )
    return sorted(answer, key=lambda tile: (ranks.index(tile.criticality), tile.title))


def attention(
    store: Store,
    now: datetime,
    limit: int = 100,
    workflow: str | None = None,
    facility: str | None = None,
    at_risk: bool = True,
) -> list[InstanceRow]:
    """Instances that failed or are overdue, longest first, then those at risk, soonest first."""
    states = ["failed", "overdue", *(["at_risk"] if at_risk else [])]
    return _open(store, now, states, limit, workflow or "", facility or "")


def instances(
    store: Store, workflow: str, now: datetime, state: str | None = None, limit: int = 100
) -> list[InstanceRow]:
    """Instances of one workflow: in an open state worst first, otherwise the last started first.

    Raises ValueError for a word that is no state.
    """
    if state is not None and state not in INSTANCE_STATES:
        raise ValueError(f"{state!r} is no state of an instance; states are {', '.join(INSTANCE_STATES)}")
    if state in _OPEN_STATES:
        return _open(store, now, [state], limit, workflow, "")
    which = _CLOSED[state] if state else "1"
    sql = load_sql(PACKAGE, "newest_list.sql").replace("{{which}}", which)
    rows: list[InstanceRow] = []
    for back in _LOOK_BACK:
        parameters = {
            "workflow": workflow,
            "now": now,
            "since": now - back,
            # Some may turn out to be something else by now.
            "limit": 2 * limit,
        }
        keys: list[Key] = [
            (row[0], row[1], row[2], row[3], row[4]) for row in store.query(sql, parameters).rows
        ]
        rows = [row for row in _rows(store, keys, now) if state in (None, row.state)][:limit]
        if len(rows) >= limit:
            break
    return sorted(rows, key=lambda row: row.started_at, reverse=True)


def _open(
    store: Store, now: datetime, states: Sequence[str], limit: int, workflow: str, facility: str
) -> list[InstanceRow]:
    sql = _open_sql("open_list.sql")
    parameters = {
        "now": now,
        "states": list(states),
        "limit": limit,
        "workflow": workflow,
        "facility": facility,
    }
    return _rows(
        store, [(row[0], row[1], row[2], row[3], row[4]) for row in store.query(sql, parameters).rows], now
    )


def _rows(store: Store, keys: Sequence[Key], now: datetime) -> list[InstanceRow]:
    return Judge.of(store).rows(store, facts_of(store, keys), now)


def _open_sql(name: str) -> str:
    """A query over open instances, judged with what was learned."""
    sql = load_sql(PACKAGE, name).replace("{{state}}", open_state_expression())
    return sql.replace("{{risks}}", load_sql(PACKAGE, "at_risk_from.sql"))


def _share(rows: Iterable[_Hour]) -> float | None:
    decided = list(rows)
    good, bad = sum(row.good for row in decided), sum(row.bad for row in decided)
    return good / (good + bad) if good + bad else None
