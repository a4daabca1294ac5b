"""What the evaluator learns from instances beside facts: shares per hour, and how likely deadlines are met.

Called by the evaluator after each step; it recomputes whole hours and whole curves, so doing it twice changes
nothing. Boards read the small tables it writes. What is not urgent takes turns, so that no step takes long.
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
LEARNED_FROM = timedelta(days=90)
LEARN_EVERY = timedelta(minutes=10)
#: Fewer instances at the same point say nothing about the next one.
FEWEST_SAMPLES = 50
#: More than this are not needed: a sample of journeys is taken.
ENOUGH_INSTANCES = 200_000
SWEEP = timedelta(minutes=10)
_Version = tuple[str, int]


class History:
    """Recomputes hours and risk in `store`; one per evaluator."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._touched: dict[str, set[datetime]] = {}
        self._known: set[str] = set()
        self._counted_at: datetime | None = None
        self._learned_at: dict[_Version, datetime] = {}
        self._swept_at: datetime | None = None

    def touch(self, workflow: str, hours: Iterable[datetime]) -> None:
        """These hours have to be counted again."""
        self._touched.setdefault(workflow, set()).update(hours)

    def forget(self, workflow: str) -> None:
        """Count every hour of a workflow again, and learn its chances anew."""
        self._known.discard(workflow)
        self._counted_at = None
        self._learned_at = {key: at for key, at in self._learned_at.items() if key[0] != workflow}

    def refresh(self, versions: list[Compiled], now: datetime) -> None:
        """Recompute what is due at `now`; `versions` are those in force, several of a workflow together."""
        waiting = any(self._touched.values())
        if self._due(self._counted_at, now, SETTLE if waiting else MINUTE):
            for name in dict.fromkeys(compiled.name for compiled in versions):
                longest = max(compiled.longest for compiled in versions if compiled.name == name)
                self.count(name, longest, now)
            self._counted_at = now
        for compiled in versions:
            key = compiled.name, compiled.version
            if self._due(self._learned_at.get(key), now, LEARN_EVERY):
                learn(self._store, *key, zone_of(compiled), now)
                self._learned_at[key] = now
                break  # one at a time: fifty workflows would stop the evaluation for seconds
        if self._due(self._swept_at, now, SWEEP):
            self._sweep()
            self._swept_at = now

    @staticmethod
    def _due(last: datetime | None, now: datetime, every: timedelta) -> bool:
        return last is None or now - last >= every or now < last

    def count(self, name: str, longest: timedelta, now: datetime) -> None:
        oldest = now - WINDOW
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
        since = min(hours) - longest - timedelta(days=2)
        parameters = {"workflow": name, "hours": sorted(hours), "now": now, "since": since}
        self._store.command(load_sql(_PACKAGE, "insert_hours.sql"), parameters)
        self._known.add(name)
        # Hours that lie ahead stay noted: their time comes.
        self._touched[name] = {hour for hour in self._touched.get(name, ()) if hour > now}

    def _sweep(self) -> None:
        """Rewrite open_instances without the closed ones when they are a burden."""
        ((rows, alive),) = self._store.query(load_sql(_PACKAGE, "open_size.sql")).rows
        if rows > 100_000 and rows > 1.5 * alive:
            self._store.command(load_sql(_PACKAGE, "sweep_open.sql"))


def zone_of(compiled: Compiled) -> str:
    """The time zone in which a workflow is at home: its calendar's, else UTC."""
    calendar = compiled.calendars.get(compiled.workflow.spec.calendar_at(None) or "")
    return calendar.zone if calendar else "UTC"


def learn(store: Store, workflow: str, version: int, zone: str, now: datetime) -> None:
    """Learn from the last ninety days how likely deadlines are met (table step_chances)."""
    since = now - LEARNED_FROM
    ((instances, run),) = store.query(
        load_sql(_PACKAGE, "instances_since.sql"), {"workflow": workflow, "since": since}
    ).rows
    share = min(1.0, ENOUGH_INSTANCES / max(instances, 1))
    parameters = {
        "workflow": workflow,
        "version": version,
        "zone": zone,
        "fewest": FEWEST_SAMPLES,
        "below": "g" if share == 1.0 else format(int(share * 0xFFFF), "04x"),
        "since": since,
        "now": now,
        "run": run,
    }
    store.command(load_sql(_PACKAGE, "insert_chances.sql"), parameters)
