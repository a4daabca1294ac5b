"""Puts the executive page's figures together: six for each workflow, what moved them, and where they come
from.

Called by the dashboard and the REST interface. Reads aggregates only, writes nothing, and asks for `now`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from slo import objectives
from slo.kpis import definitions, incidents, movers
from slo.kpis.model import Better, Definition, Figure, Incident, TrendPoint, Unit, WorkflowKpi
from slo.kpis.sentences import sentence
from slo.objectives.status import with_decisions
from slo.workflows.activate import active
from slo.workflows.model import Workflow
from tracing.store import Store, load_sql

#: Known days below which there is nothing worth comparing.
_FEWEST_DAYS = 4


@dataclass(frozen=True)
class Period:
    """`days` days up to `now` and as many before; the trend has `trend_days`; days are those of `zone`."""

    now: datetime
    days: int
    zone: str
    trend_days: int

    @property
    def middle(self) -> datetime:
        """Where the present period begins."""
        return self.now - timedelta(days=self.days)

    @property
    def since(self) -> datetime:
        """Where the period before begins."""
        return self.now - timedelta(days=2 * self.days)

    @property
    def dates(self) -> list[date]:
        """The local days of the trend, today last."""
        today = self.now.astimezone(ZoneInfo(self.zone)).date()
        return [today - timedelta(days=back) for back in reversed(range(self.trend_days))]

    def day_of(self, at: datetime) -> date:
        """The local day of an instant."""
        return at.astimezone(ZoneInfo(self.zone)).date()


def executive(store: Store, now: datetime, days: int = 30, zone: str = "UTC") -> list[WorkflowKpi]:
    """The figures of every active workflow for the last `days` days; `zone` decides where a day begins.

    While hardly more than `days` is known, a period is half of what is known, so that there is a period
    before it to compare with; the trend stays as long as it was. Raises StoreError.
    """
    period = Period(now, _comparable(store, now, days), zone, days)
    targets = {one.workflow: one.target for one in objectives.active(store) if not one.step}
    return [_workflow(store, one.workflow, targets, period) for one in active(store)]


def _comparable(store: Store, now: datetime, days: int) -> int:
    (known,) = store.query(load_sql("slo.kpis", "sql/known_days.sql"), {"now": now}).rows[0]
    return known // 2 if _FEWEST_DAYS <= known < days * 5 // 4 else days


def _workflow(store: Store, workflow: Workflow, targets: Mapping[str, float], period: Period) -> WorkflowKpi:
    own = workflow.spec.objective
    target = targets.get(workflow.name, own.target if own else None)
    scope = {
        "workflow": workflow.name,
        "now": period.now,
        "middle": period.middle,
        "since": period.since,
        "zone": period.zone,
        "step": "",
    }
    cycle = store.query(load_sql("slo.kpis", "sql/cycle_time.sql"), scope).rows
    last_step = workflow.spec.steps[-1].name
    hours = store.query(load_sql("slo.kpis", "sql/trouble_hours.sql"), scope).rows
    found = incidents.incidents(hours)
    now_list = [one for one in found if one.until > period.middle]
    before_list = [one for one in found if one.until <= period.middle]
    seen = [
        sum(row[2] for row in hours if row[0] >= period.middle),
        sum(row[2] for row in hours if row[0] < period.middle),
    ]
    changed = store.query(with_decisions("slo.kpis", "sql/movers.sql"), scope).rows
    return WorkflowKpi(
        workflow=workflow.name,
        title=workflow.title,
        owner=workflow.metadata.owner,
        since=period.middle,
        until=period.now,
        on_time=_on_time(store, scope, target, period),
        cycle_median=_cycle(cycle, 2, "cycle_median", last_step, period),
        cycle_p90=_cycle(cycle, 3, "cycle_p90", last_step, period),
        incidents=_counted("incidents", now_list, before_list, seen, period),
        longest_incident=_counted("longest_incident", now_list, before_list, seen, period),
        affected=_counted("affected", now_list, before_list, seen, period),
        incident_list=tuple(reversed(now_list)),
        movers=movers.movers(tuple(row) for row in changed),
        movers_definition=definitions.MOVERS,
    )


def _on_time(store: Store, scope: Mapping[str, Any], target: float | None, period: Period) -> Figure:
    rows = store.query(with_decisions("slo.kpis", "sql/on_time.sql"), scope).rows
    totals = {0: [0, 0], 1: [0, 0]}
    by_day: dict[date, tuple[int, int]] = {}
    for current, day, good, total in rows:
        totals[current][0] += good
        totals[current][1] += total
        before = by_day.get(day, (0, 0))
        by_day[day] = (before[0] + good, before[1] + total)
    trend = []
    for day in period.dates:
        good, total = by_day.get(day, (0, 0))
        trend.append(TrendPoint(day, good / total if total else None, total))
    value, previous = (totals[key][0] / totals[key][1] if totals[key][1] else None for key in (1, 0))
    return _figure(
        "on_time",
        "On time",
        "ratio",
        "higher",
        (value, previous),
        (totals[1][1], totals[0][1]),
        trend,
        definitions.ON_TIME,
        f"{{}} of {totals[1][1]:,} encounters had every step in time",
        period,
        target,
    )


def _cycle(rows: Sequence[tuple[Any, ...]], column: int, name: str, last_step: str, period: Period) -> Figure:
    whole = {row[0]: row for row in rows if row[1] is None}
    # The day on which the present period begins has a row in either period; the trend shows the larger one.
    by_day: dict[date, tuple[Any, ...]] = {}
    for row in rows:
        if row[1] is not None and (row[1] not in by_day or row[4] > by_day[row[1]][4]):
            by_day[row[1]] = row
    trend = []
    for day in period.dates:
        point = by_day.get(day)
        trend.append(TrendPoint(day, point[column], point[4]) if point else TrendPoint(day, None, 0))
    value, previous = (whole[key][column] if key in whole else None for key in (1, 0))
    count, before = (whole[key][4] if key in whole else 0 for key in (1, 0))
    median = name == "cycle_median"
    share = "Half" if median else "Nine of ten"
    return _figure(
        name,
        f"Start to {last_step}, {'median' if median else '90th percentile'}",
        "seconds",
        "lower",
        (value, previous),
        (count, before),
        trend,
        definitions.CYCLE_MEDIAN if median else definitions.CYCLE_P90,
        f"{share} of {count:,} encounters had {last_step} within {{}}",
        period,
    )


def _counted(
    name: str,
    now_list: Sequence[Incident],
    before_list: Sequence[Incident],
    seen: Sequence[int],
    period: Period,
) -> Figure:
    """Number, longest or affected of the incidents; None, not zero, where nothing at all was decided."""
    title, unit, definition, what = _INCIDENT_FIGURES[name]
    value, previous = (
        _measure(name, listed) if count else None
        for listed, count in ((now_list, seen[0]), (before_list, seen[1]))
    )
    known = value is not None
    trend = []
    for day in period.dates:
        today = [one for one in (*before_list, *now_list) if period.day_of(one.first) == day]
        trend.append(
            TrendPoint(day, _measure(name, today) if known else None, sum(one.affected for one in today))
        )
    figures = (value, previous)
    counts = (seen[0], seen[1])
    if name == "incidents" and value == 1:
        what = "{} incident"
    return _figure(name, title, unit, "lower", figures, counts, trend, definition, what, period)


def _measure(name: str, listed: Sequence[Incident]) -> float:
    if name == "incidents":
        return float(len(listed))
    if name == "affected":
        return float(sum(one.affected for one in listed))
    return max((one.seconds for one in listed), default=0.0)


_INCIDENT_FIGURES: Mapping[str, tuple[str, Unit, Definition, str]] = {
    "incidents": ("Incidents", "count", definitions.INCIDENTS, "{} incidents"),
    "longest_incident": (
        "Longest incident",
        "seconds",
        definitions.LONGEST_INCIDENT,
        "Longest incident: {}",
    ),
    "affected": ("Encounters hit", "count", definitions.AFFECTED, "{} encounters were hit by incidents"),
}


def _figure(
    name: str,
    title: str,
    unit: Unit,
    better: Better,
    values: tuple[float | None, float | None],
    counts: tuple[int, int],
    trend: Sequence[TrendPoint],
    definition: Definition,
    what: str,
    period: Period,
    target: float | None = None,
) -> Figure:
    value, previous = values
    return Figure(
        name=name,
        title=title,
        unit=unit,
        better=better,
        value=value,
        previous=previous,
        count=counts[0],
        previous_count=counts[1],
        target=target,
        trend=tuple(trend),
        sentence=sentence(what, unit, better, value, previous, target, period.days),
        definition=definition,
    )
