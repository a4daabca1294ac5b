"""Keeps the facts of every instance current: evaluates the journeys that changed, and only those.

One loop of the core calls `step`. It writes facts and never a verdict (states are judged when read), so
nothing has to happen here for a deadline to pass. Repeating any part of it changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from slo.workflows.activate import extend_deadlines, in_force, ranges
from slo.workflows.compile import Compiled
from slo.workflows.history import History
from tracing.identity.feed import PAGE, Feed, Progress, load_progress, paged, save_progress
from tracing.store import Store, load_sql

_PACKAGE = "slo.workflows.sql"
_DAY = timedelta(days=1)


@dataclass(slots=True)
class _Definitions:
    """The versions in force as last read; compiled anew only when one changes."""

    compiled: list[Compiled]
    key: tuple[tuple[Any, ...], ...] = ()


class Evaluator:
    """Evaluates in `store`; the handle belongs to the calling thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._definitions = _Definitions([])
        self._checkpoints: dict[tuple[str, int], Feed] = {}
        self._places = Feed("evaluator/journeys", "journeys", "token, version")
        self._history = History(store)
        self._extended: datetime | None = None

    def step(self, now: datetime) -> int:
        """Evaluate what changed since the last step; returns how many journeys that were.

        Raises StoreError; the step can then be called again and misses nothing.
        """
        self._refresh(now)
        places = self._places.look(self._store)
        moved = paged(self._store, load_sql(_PACKAGE, "changed_places.sql"), places)
        count = 0
        # A moved key may matter to every workflow, so its journeys are collected once for all of them.
        # One that has not been evaluated over all history yet is about to be, moved keys included.
        settled = [compiled for compiled in self._definitions.compiled if self._is_settled(compiled)]
        for tokens in moved if settled else ():
            journeys = self._journeys(tokens)
            for compiled in settled:
                count += self._evaluate(compiled, journeys)
        for compiled in self._definitions.compiled:
            count += self._follow(compiled)
        self._places.done(self._store, places)
        self._history.refresh(self._definitions.compiled, now)
        return count

    def _refresh(self, now: datetime) -> None:
        rows = self._store.query(load_sql(_PACKAGE, "active_versions.sql")).rows
        key = tuple(rows)
        if key != self._definitions.key:
            self._definitions = _Definitions(in_force(self._store, now), key)
            versions = [(one.name, one.version) for one in self._definitions.compiled]
            self._checkpoints = {
                (name, version): self._checkpoints.get((name, version))
                or Feed(
                    f"evaluator/{name}/{version}",
                    "checkpoints",
                    "token, step, span_id",
                    f"workflow = '{name}' AND version = {version}",
                )
                for name, version in versions
            }
        if self._extended is None or now - self._extended > _DAY:
            for compiled in self._definitions.compiled:
                extend_deadlines(self._store, compiled, now)
            self._extended = now

    def _follow(self, compiled: Compiled) -> int:
        feed = self._checkpoints[compiled.name, compiled.version]
        blocks = feed.look(self._store)
        if not self._is_settled(compiled):
            count = sum(self._evaluate(compiled, self._journeys(page)) for page in self._starts(compiled))
            mine: dict[str, Any] = {"workflow": compiled.name}
            stale = {**mine, **ranges(self._store, compiled.name)}
            self._store.command(load_sql(_PACKAGE, "insert_stale.sql"), stale)
            self._store.command(load_sql(_PACKAGE, "insert_stale_open.sql"), mine)
            save_progress(self._store, _reader(compiled), Progress(version=compiled.digest))
            self._history.forget(compiled.name)
        else:
            sql = load_sql(_PACKAGE, "changed_tokens.sql")
            mine = {"workflow": compiled.name, "version": compiled.version}
            count = sum(
                self._evaluate(compiled, self._journeys(page))
                for page in paged(self._store, sql, blocks, mine)
            )
        feed.done(self._store, blocks)
        return count

    def _is_settled(self, compiled: Compiled) -> bool:
        """Whether all history has been evaluated by what this version means."""
        return load_progress(self._store, _reader(compiled)).version == compiled.digest

    def _starts(self, compiled: Compiled) -> Iterator[list[str]]:
        after = ""
        while True:
            parameters = {
                "workflow": compiled.name,
                "version": compiled.version,
                "after": after,
                "page": PAGE,
            }
            rows = self._store.query(load_sql(_PACKAGE, "start_tokens.sql"), parameters).rows
            if rows:
                yield [row[0] for row in rows]
            if len(rows) < PAGE:
                return
            after = rows[-1][0]

    def _journeys(self, tokens: list[str]) -> list[str]:
        """Every journey that a change at these keys can concern; a key without a place is its own."""
        rows = self._store.query(load_sql(_PACKAGE, "journeys_of.sql"), {"tokens": tokens}).rows
        return sorted({row[0] for row in rows}.union(tokens))

    def _evaluate(self, compiled: Compiled, journeys: list[str]) -> int:
        for chunk in _chunks(journeys):
            mine = {"workflow": compiled.name, "journeys": chunk}
            ((run, before),) = self._store.query(load_sql(_PACKAGE, "touched_hours.sql"), mine).rows
            insert = load_sql(_PACKAGE, "insert_facts.sql").replace("{{facts}}", compiled.facts())
            self._store.command(insert, {**mine, "run": run})
            gone = {**mine, "run": run, "version": compiled.version}
            self._store.command(load_sql(_PACKAGE, "insert_gone.sql"), gone)
            self._store.command(load_sql(_PACKAGE, "insert_open.sql"), mine)
            ((_, after),) = self._store.query(load_sql(_PACKAGE, "touched_hours.sql"), mine).rows
            self._history.touch(compiled.name, [*before, *after])
        return len(journeys)


def _reader(compiled: Compiled) -> str:
    return f"evaluator/{compiled.name}/{compiled.version}/all"


def _chunks(journeys: list[str]) -> Iterable[list[str]]:
    return (journeys[n : n + PAGE] for n in range(0, len(journeys), PAGE))
