"""What the evaluator learns from instances beside facts: shares per hour, and when a step is at risk.

Called by the evaluator after each step; it recomputes whole hours and whole distributions, so doing it twice
changes nothing. Boards read the small tables it writes.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from slo.workflows.compile import Compiled
from tracing.store import Store, load_sql

_PACKAGE = "slo.workflows.sql"
#: Shares are recomputed at most this often, and at least every MINUTE: deadlines pass without an event.
SETTLE = timedelta(seconds=10)
MINUTE = timedelta(minutes=1)
WINDOW = timedelta(days=31)
LEARNED_FROM = timedelta(days=30)
#: Fewer decided instances than this say nothing about risk.
FEWEST_SAMPLES = 50
#: More than this are not needed: a sample of journeys is taken.
ENOUGH_INSTANCES = 200_000
SWEEP = timedelta(minutes=10)


class History:
    """Recomputes hours and risk in `store`; one per evaluator."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._touched: dict[str, set[datetime]] = {}
        self._known: set[str] = set()
        self._counted_at: datetime | None = None
        self._learned_at: datetime | None = None
        self._swept_at: datetime | None = None

    def touch(self, workflow: str, hours: Iterable[datetime]) -> None:
        """These hours have to be counted again."""
        self._touched.setdefault(workflow, set()).update(hours)

    def forget(self, workflow: str) -> None:
        """Count every hour of a workflow again, and learn its risk anew."""
        self._known.discard(workflow)
        self._counted_at = self._learned_at = None

    def refresh(self, workflows: list[Compiled], now: datetime) -> None:
        """Recompute what is due at `now`."""
        waiting = any(self._touched.values())
        if self._due(self._counted_at, now, SETTLE if waiting else MINUTE):
            for compiled in workflows:
                self._count(compiled, now)
            self._counted_at = now
        if self._due(self._learned_at, now, MINUTE):
            for compiled in workflows:
                self._learn(compiled, now)
            self._learned_at = now
        if self._due(self._swept_at, now, SWEEP):
            self._sweep()
            self._swept_at = now

    @staticmethod
    def _due(last: datetime | None, now: datetime, every: timedelta) -> bool:
        return last is None or now - last >= every or now < last

    def _count(self, compiled: Compiled, now: datetime) -> None:
        name, oldest = compiled.name, now - WINDOW
        hours = {hour for hour in self._touched.get(name, ()) if oldest <= hour <= now}
        this = now.replace(minute=0, second=0, microsecond=0)
        hours |= {this, this - timedelta(hours=1)}
        if name not in self._known:
            rows = self._store.query(
                load_sql(_PACKAGE, "all_hours.sql"), {"workflow": name, "now": now, "since": oldest}
            ).rows
            hours |= {row[0] for row in rows}
        # A decision follows its start by the longest deadline at most; completions later than two days after
        # that are not worth reading a year of instances for each time.
        since = min(hours) - compiled.longest - timedelta(days=2)
        parameters = {"workflow": name, "hours": sorted(hours), "now": now, "since": since}
        self._store.command(load_sql(_PACKAGE, "insert_hours.sql"), parameters)
        self._known.add(name)
        # Hours that lie ahead stay noted: their time comes.
        self._touched[name] = {hour for hour in self._touched.get(name, ()) if hour > now}

    def _learn(self, compiled: Compiled, now: datetime) -> None:
        since = now - LEARNED_FROM
        ((instances,),) = self._store.query(
            load_sql(_PACKAGE, "instances_since.sql"), {"workflow": compiled.name, "since": since}
        ).rows
        share = min(1.0, ENOUGH_INSTANCES / max(instances, 1))
        below = "g" if share == 1.0 else format(int(share * 0xFFFF), "04x")
        parameters = {
            "workflow": compiled.name,
            "version": compiled.version,
            "steps": len(compiled.workflow.spec.steps),
            "fewest": FEWEST_SAMPLES,
            "below": below,
            "since": since,
            "now": now,
        }
        self._store.command(load_sql(_PACKAGE, "insert_risk.sql"), parameters)

    def _sweep(self) -> None:
        """Rewrite open_instances without the closed ones when they are a burden."""
        ((rows, alive),) = self._store.query(load_sql(_PACKAGE, "open_size.sql")).rows
        if rows > 100_000 and rows > 1.5 * alive:
            self._store.command(load_sql(_PACKAGE, "sweep_open.sql"))
