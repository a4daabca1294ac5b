"""What the evaluator learns from instances beside facts: shares per hour, and how likely deadlines are met.

The core runs it in a thread of its own (`step`), because a curve over a million instances takes seconds that
no deadline may wait for; elsewhere the evaluator does (`refresh`). It recomputes whole hours and whole
curves, so doing it twice changes nothing. Boards read the small tables it writes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from slo.workflows.activate import in_force
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
    """Recomputes hours and chances in `store`; `touch` and `forget` may come from another thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._touched: dict[str, set[datetime]] = {}
        self._known: set[str] = set()
        self._counted_at: datetime | None = None
        self._counting_took = timedelta(0)
        self._learned_at: dict[_Version, datetime] = {}
        self._swept_at: datetime | None = None
        self._versions: list[Compiled] = []
        self._key: tuple[tuple[Any, ...], ...] = ()

    def touch(self, workflow: str, hours: Iterable[datetime]) -> None:
        """These hours have to be counted again."""
        with self._lock:
            self._touched.setdefault(workflow, set()).update(hours)

    def forget(self, workflow: str) -> None:
        """Count every hour of a workflow again, and learn its chances anew."""
        with self._lock:
            self._known.discard(workflow)
            self._counted_at = None
            self._learned_at = {key: at for key, at in self._learned_at.items() if key[0] != workflow}

    def step(self, now: datetime) -> None:
        """Recompute what is due at `now` of all versions in force. Raises StoreError."""
        key = tuple(self._store.query(load_sql(_PACKAGE, "active_versions.sql")).rows)
        if key != self._key:
            self._versions, self._key = in_force(self._store, now), key
        self.refresh(self._versions, now)

    def refresh(self, versions: list[Compiled], now: datetime) -> None:
        """Recompute what is due at `now`; `versions` are those in force, several of a workflow together."""
        # Where counting is much work it is done less often, so that it never takes more than a twentieth.
        every = max(SETTLE if any(self._touched.values()) else MINUTE, 20 * self._counting_took)
        if self._due(self._counted_at, now, every):
            began, self._counted_at = time.monotonic(), now
            for name in dict.fromkeys(compiled.name for compiled in versions):
                longest = max(compiled.longest for compiled in versions if compiled.name == name)
                self.count(name, longest, now)
            self._counting_took = timedelta(seconds=time.monotonic() - began)
        for compiled in versions:
            key = compiled.name, compiled.version
            if self._due(self._learned_at.get(key), now, LEARN_EVERY):
                self._learned_at[key] = now
                learn(self._store, *key, zone_of(compiled), now)
                break  # one at a time: fifty workflows would keep the rest waiting for minutes
        if self._due(self._swept_at, now, SWEEP):
            self._sweep()
            self._swept_at = now

    @staticmethod
    def _due(last: datetime | None, now: datetime, every: timedelta) -> bool:
        return last is None or now - last >= every or now < last

    def count(self, name: str, longest: timedelta, now: datetime) -> None:
        """Count the touched hours of a workflow, and those that pass; `longest` is its longest deadline."""
        oldest = now - WINDOW
        this = now.replace(minute=0, second=0, microsecond=0)
        with self._lock:
            touched, is_known = self._touched.pop(name, set()), name in self._known
            self._known.add(name)
        try:
            hours = {hour for hour in touched if oldest <= hour <= now} | {this, this - timedelta(hours=1)}
            if not is_known:
                mine = {"workflow": name, "now": now, "since": oldest}
                hours |= {row[0] for row in self._store.query(load_sql(_PACKAGE, "all_hours.sql"), mine).rows}
            # A decision follows its start by the longest deadline at most; completions later than two days
            # after that are not worth reading a year of instances for each time.
            since = min(hours) - longest - timedelta(days=2)
            parameters = {"workflow": name, "hours": sorted(hours), "now": now, "since": since}
            self._store.command(load_sql(_PACKAGE, "insert_hours.sql"), parameters)
        except BaseException:
            self.touch(name, touched)
            if not is_known:
                self.forget(name)
            raise
        # Hours that lie ahead stay noted: their time comes.
        self.touch(name, (hour for hour in touched if hour > now))

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
