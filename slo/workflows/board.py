"""What a wall and its lists show: a tile per workflow, the encounters that need somebody, instances by state.

Reached through slo.workflows.read. Counts and order come from open_instances and instance_hours, which stay
small however much history there is; only the rows shown are read from instances.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from slo.workflows.chances import Chances
from slo.workflows.compile import open_state_expression
from slo.workflows.facts import Facts
from slo.workflows.judgement import PACKAGE, Judge, Key, facts_of, key_of, later
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
EVER = timedelta(days=3660)
NEEDS_SOMEBODY: tuple[InstanceState, ...] = ("failed", "overdue", "at_risk")
_RED = ("failed", "overdue")
OPEN_STATES: tuple[InstanceState, ...] = ("failed", "overdue", "at_risk", "on_track")
_NOW = "{now:DateTime64(3, 'UTC')}"
#: Closed states need no look at single steps, which would be most of what there is to read.
_CLOSED = {
    "completed": f"i.cancelled_at > {_NOW} AND i.good_at <= {_NOW}",
    "completed_late": f"i.cancelled_at > {_NOW} AND i.done_at <= {_NOW} AND i.good_at > {_NOW}",
    "cancelled": f"i.cancelled_at <= {_NOW}",
}
#: Looked through one after the other for closed instances, so that a busy site reads a week, not a year.
_LOOK_BACK = (timedelta(days=2), timedelta(days=14), EVER)


@dataclass(frozen=True, slots=True)
class Watched:
    """Open instances in some states, and those a deadline will bring there; good for as long as was asked.

    `since`: from when each failed or is overdue.
    """

    taken_at: datetime
    states: Sequence[InstanceState]
    judge: Judge
    chances: Chances
    facts: Sequence[Facts]
    since: Sequence[datetime]
    judged: Sequence[InstanceRow]

    @classmethod
    def of(
        cls, store: Store, now: datetime, states: Sequence[InstanceState], since: Mapping[Key, datetime]
    ) -> Watched:
        """Read what is known of some instances."""
        facts = facts_of(store, list(since))
        judge, chances = Judge.of(store), Chances.of(store, facts, now)
        moments = [since[key_of(each)] for each in facts]
        return cls(
            now, states, judge, chances, facts, moments, [judge.row(each, now, chances) for each in facts]
        )

    def rows(self, now: datetime) -> list[InstanceRow]:
        """As the store would have answered at `now`, but for news; chances are a little older."""
        found = []
        for facts, since, judged in zip(self.facts, self.since, self.judged, strict=True):
            passed = any(self.taken_at <= step.deadline < now for step in facts.steps)
            row = self.judge.row(facts, now, self.chances) if passed else later(judged, now)
            if row.state in self.states:
                found.append((row.state not in _RED, since, row))
        return [row for _, _, row in sorted(found, key=lambda one: one[:2])]


def tiles(store: Store, now: datetime, ahead: timedelta = timedelta()) -> list[Tile]:
    """A tile per active workflow, most critical first. Shares are over whole hours, this one included.

    Each knows the deadlines that pass `ahead`: `Tile.at` is good for so long.
    """
    judge = Judge.of(store)
    counts: dict[str, dict[InstanceState, int]] = defaultdict(lambda: dict.fromkeys(INSTANCE_STATES, 0))
    earliest: dict[str, datetime] = {}
    passing: dict[str, list[tuple[datetime, InstanceState, int]]] = defaultdict(list)
    window = {"now": now, "until": now + ahead}
    for workflow, state, instances, due, soon in store.query(_open_sql("open_counts.sql"), window).rows:
        counts[workflow][state] += instances
        earliest[workflow] = min(due, earliest.get(workflow, due))
        if state != "failed":
            passing[workflow] += ((moment, state, many) for moment, many in zip(*soon, strict=True))
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
        due = earliest.get(name)
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
                oldest_overdue_s=(now - due).total_seconds() if due and due < now else None,
                on_time_24h=_share(day.values()),
                usual=_share(before),
                spark=spark,
                started_24h=sum(row.started for row in day.values()),
                target=target,
                computed_at=max((row.computed_at for row in day.values()), default=None),
                next_due=due,
                passing=tuple(passing[name]),
            )
        )
    return sorted(answer, key=lambda tile: (ranks.index(tile.criticality), tile.title))


def attention(
    store: Store, now: datetime, limit: int = 100, workflow: str | None = None, facility: str | None = None
) -> list[InstanceRow]:
    """Instances that failed or are overdue, longest first, then those at risk, soonest first."""
    return watched(store, now, limit, workflow, facility).rows(now)


def watched(
    store: Store,
    now: datetime,
    limit: int = 100,
    workflow: str | None = None,
    facility: str | None = None,
    ahead: timedelta = timedelta(),
    states: Sequence[InstanceState] = NEEDS_SOMEBODY,
    fresh: timedelta = EVER,
) -> Watched:
    """Open instances in some states, from `now` until so far ahead; at most `limit` at the end of that.

    Those that have been late for longer than `fresh` are there when there is room left.
    """
    parameters = {
        "now": now,
        "until": now + ahead,
        "old": now - fresh,
        "states": list(states),
        "limit": limit,
        "workflow": workflow or "",
        "facility": facility or "",
    }
    rows = store.query(_open_sql("open_list.sql"), parameters).rows
    return Watched.of(store, now, states, {row[:5]: row[5] for row in rows})


def facilities(store: Store) -> list[str]:
    """Those with something open."""
    return [facility for (facility,) in store.query(load_sql(PACKAGE, "facilities.sql")).rows]


def instances(
    store: Store, workflow: str, now: datetime, state: str | None = None, limit: int = 100
) -> list[InstanceRow]:
    """Instances of one workflow: in an open state worst first, otherwise the last started first.

    Raises ValueError for a word that is no state.
    """
    if state is not None and state not in INSTANCE_STATES:
        raise ValueError(f"{state!r} is no state of an instance; states are {', '.join(INSTANCE_STATES)}")
    if state in OPEN_STATES:
        return watched(store, now, limit, workflow, states=[state]).rows(now)
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
