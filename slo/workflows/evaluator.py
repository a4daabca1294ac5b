"""Keeps the facts of every instance current: evaluates the journeys that changed, and only those.

One loop of the core calls `step`. It writes facts and never a verdict (states are judged when read), so
nothing has to happen here for a deadline to pass. Repeating any part of it changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from slo.workflows.activate import extend_deadlines, in_force, ranges
from slo.workflows.compile import Compiled, asked_for, facts_of, members
from slo.workflows.history import History, zone_of
from slo.workflows.sql_text import fill, without_comments
from tracing.identity.feed import PAGE, Feed, Progress, load_progress, paged, pages, save_progress
from tracing.store import Store, load_sql

_PACKAGE = "slo.workflows.sql"
_DAY = timedelta(days=1)
_KEYS = members("SELECT arrayJoin({journeys:Array(String)}) AS journey")
_NEWS, _PLACES = "evaluator/checkpoints", "evaluator/journeys"


@dataclass(slots=True)
class _Definitions:
    """The versions in force as last read; compiled anew only when one changes."""

    compiled: list[Compiled]
    key: tuple[tuple[Any, ...], ...] = ()


class Evaluator:
    """Evaluates in `store`; the handle belongs to the calling thread."""

    def __init__(self, store: Store, history: History | None = None) -> None:
        """With a `history` that another thread steps, steps here only tell it what changed."""
        self._store = store
        self._definitions = _Definitions([])
        self._settled: set[tuple[str, int, int]] = set()
        self._wrong_clocks = True
        # One reader for all workflows: fifty would ask a hundred times a second whether there is news.
        self._news = Feed(_NEWS, "checkpoints", "workflow, version, token, step, span_id")
        self._places = Feed(_PLACES, "journeys", "token, version")
        self._extended: datetime | None = None
        self._refreshes = history is None
        self.history = history or History(store)

    def step(self, now: datetime) -> int:
        """Evaluate what changed since the last step; returns how many journeys that were.

        Raises StoreError; the step can then be called again and misses nothing.
        """
        self._refresh(now)
        ((self._wrong_clocks,),) = self._store.query(load_sql(_PACKAGE, "wrong_clocks.sql")).rows
        places, news = self._places.look(self._store), self._news.look(self._store)
        # What has not been evaluated over all history yet is about to be, news included.
        settled = [compiled for compiled in self._definitions.compiled if self._is_settled(compiled)]
        count = 0
        # A moved key may matter to every workflow, so its journeys are collected once for all of them. It
        # matters to none that knows no message of it, unless it may be the other number of an item.
        moved = paged(self._store, load_sql(_PACKAGE, "changed_places.sql"), places)
        for rows in moved if settled else ():
            tokens = [token for (token,) in rows]
            journeys = self._journeys(tokens, moved=True)
            knowing = set(self._store.query(load_sql(_PACKAGE, "concerned.sql"), {"tokens": tokens}).rows)
            count += self._evaluate(
                (compiled, journey)
                for compiled in settled
                if compiled.workflow.spec.for_each or (compiled.name, compiled.version) in knowing
                for journey in journeys
            )
        for compiled in self._definitions.compiled:
            if compiled not in settled:
                count += self._settle(compiled)
        count += self._follow(settled, news)
        self._news.done(self._store, news)
        self._places.done(self._store, places)
        if self._refreshes:
            self.history.refresh(self._definitions.compiled, now)
        return count

    def _refresh(self, now: datetime) -> None:
        key = tuple(self._store.query(load_sql(_PACKAGE, "active_versions.sql")).rows)
        if key != self._definitions.key:
            self._definitions = _Definitions(in_force(self._store, now), key)
        if self._extended is None or now - self._extended > _DAY:
            for compiled in self._definitions.compiled:
                extend_deadlines(self._store, compiled, now)
            self._extended = now

    def _follow(self, settled: Sequence[Compiled], news: dict[datetime, int]) -> int:
        """Evaluate the journeys of new checkpoints, all workflows at once: their number shall cost little."""
        known = {(compiled.name, compiled.version): compiled for compiled in settled}
        count = 0
        for page in paged(self._store, load_sql(_PACKAGE, "changed_tokens.sql"), news):
            tokens: dict[tuple[str, int], list[str]] = {}
            for token, versions in page:
                for version in versions:
                    tokens.setdefault(version, []).append(token)
            tokens = {version: mine for version, mine in tokens.items() if version in known}
            for version, mine in tokens.items():
                if known[version].workflow.spec.batches:
                    mine += self._begun_in(version, mine)
            places = self._places_of({token for mine in tokens.values() for token in mine})
            count += self._evaluate(
                (known[version], journey)
                for version, mine in tokens.items()
                for journey in sorted({one for token in mine for one in places[token] or (token,)})
            )
        return count

    def _begun_in(self, version: tuple[str, int], batches: Sequence[str]) -> list[str]:
        """Keys that started in some batches."""
        asked = {"workflow": version[0], "version": version[1], "batches": list(batches)}
        return [token for (token,) in self._store.query(load_sql(_PACKAGE, "begun_in.sql"), asked).rows]

    def _settle(self, compiled: Compiled) -> int:
        """Evaluate a version over all history: new, or meaning something else than before."""
        mine: dict[str, Any] = {"workflow": compiled.name}
        starts = {**mine, "version": compiled.version}
        count = 0
        for page in pages(self._store, load_sql(_PACKAGE, "start_tokens.sql"), starts):
            journeys = self._journeys([token for (token,) in page])
            count += self._evaluate(((compiled, journey) for journey in journeys), is_news=False)
        stale = {**mine, **ranges(self._store, compiled.name)}
        self._store.command(load_sql(_PACKAGE, "insert_stale.sql"), stale)
        self._store.command(load_sql(_PACKAGE, "insert_stale_open.sql"), mine)
        save_progress(self._store, _reader(compiled), Progress(version=compiled.digest))
        self.history.forget(compiled.name)
        return count

    def _is_settled(self, compiled: Compiled) -> bool:
        """Whether all history has been evaluated by what this version means."""
        key = compiled.name, compiled.version, compiled.digest
        if key not in self._settled:
            if load_progress(self._store, _reader(compiled)).version != compiled.digest:
                return False
            self._settled.add(key)
        return True

    def _journeys(self, tokens: list[str], moved: bool = False) -> list[str]:
        """Every journey that a change at these keys can concern; a key without a place is its own.

        One that has `moved` may have been its own until just now.
        """
        places = self._places_of(tokens)
        found = set(tokens) if moved else set[str]()
        for token, journeys in places.items():
            found |= journeys or {token}
        return sorted(found)

    def _places_of(self, tokens: Iterable[str]) -> dict[str, set[str]]:
        """The journeys of keys; none for a key without a place, which is its own."""
        found: dict[str, set[str]] = {token: set() for token in tokens}
        sql = load_sql(_PACKAGE, "journeys_of.sql")
        for token, journeys in self._store.query(sql, {"tokens": sorted(found)}).rows if found else ():
            found[token].update(journeys)
        return found

    def _evaluate(self, wanted: Iterable[tuple[Compiled, str]], is_news: bool = True) -> int:
        """Judge journeys of versions anew; those of one kind together."""
        kinds: dict[tuple[bool, bool, bool], list[tuple[Compiled, str]]] = {}
        for compiled, journey in wanted:
            kinds.setdefault(compiled.kind, []).append((compiled, journey))
        for all_of_a_kind in kinds.values():
            for start in range(0, len(all_of_a_kind), PAGE):
                self._judge(all_of_a_kind[start : start + PAGE], is_news)
        return sum(map(len, kinds.values()))

    def _judge(self, wanted: list[tuple[Compiled, str]], is_news: bool) -> None:
        versions = list({(one.name, one.version): one for one, _ in wanted}.values())
        facts = facts_of(versions, clocks=bool(self._wrong_clocks))
        journeys = sorted({journey for _, journey in wanted})
        keys = self._store.query(_KEYS, {"journeys": journeys}).rows
        mine = {
            "workflows": sorted({compiled.name for compiled in versions}),
            "journeys": journeys,
            "tokens": sorted({token for (token,) in keys}),
            "asked": [asked_for(compiled, journey) for compiled, journey in wanted],
        }
        ((run, before, sealed, standing),) = self._store.query(_sql("standing.sql"), mine).rows
        if sealed and is_news:
            self._store.command(_sql("insert_changes.sql", facts=facts), {**mine, "sealed": sealed})
        mine["run"] = run
        self._store.command(_sql("insert_facts.sql", facts=facts), mine)
        ((after, written),) = self._store.query(_sql("written.sql"), mine).rows
        numbers = set(written)
        if gone := sorted({one for one, number in standing if number not in numbers}):
            self._store.command(_sql("insert_gone.sql"), {**mine, "gone": gone})
        zones: dict[str, list[str]] = {}
        for (compiled, _), asked in zip(wanted, mine["asked"], strict=True):
            zones.setdefault(zone_of(compiled), []).append(asked)
        for zone, its in zones.items():
            self._store.command(_sql("insert_open.sql"), {**mine, "asked": its, "zone": zone})
        for name, hour in {*before, *after}:
            self.history.touch(name, (hour,))


def assume_settled(store: Store, at: datetime) -> None:
    """Note that all instances up to `at` are evaluated, for somebody who wrote them himself (benchmarks)."""
    for compiled in in_force(store, at):
        save_progress(store, _reader(compiled), Progress(version=compiled.digest))
    for reader in (_NEWS, _PLACES):
        save_progress(store, reader, Progress(at))


def _sql(name: str, **parts: str) -> str:
    """A statement about what is asked for, with the expressions that several of them share."""
    shared = {
        mark: without_comments(load_sql(_PACKAGE, f"{mark}.sql")).strip()
        for mark in ("asked_of", "hours_of", "row_number")
    }
    return fill(name, **shared, **parts)


def _reader(compiled: Compiled) -> str:
    return f"evaluator/{compiled.name}/{compiled.version}/all"
