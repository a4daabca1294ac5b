"""Estimates clock offsets from what taps tell each minute, and stores one when it has changed.

Called by the core in a loop. A stored piece is never changed and never begins in the past of its clock, so
what was judged by it stays as it was judged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import NamedTuple

from tracing.store import Store, load_sql

#: Offsets smaller than this are shown and not taken off (the view clock_corrections says the same).
IGNORED = timedelta(milliseconds=250)
EVERY = timedelta(seconds=20)
WINDOW = timedelta(minutes=10)
_WORDS = 5
_CHANGED_MS = 100
_SQL = "tracing.clocks.sql"


class Word(NamedTuple):
    """What a tap told of one interface's clock."""

    interface: str
    tap: str
    told: datetime
    ahead_ms: int
    within_ms: int
    samples: int


class Clocks:
    """Keeps the offsets in `store` current; the handle belongs to the calling thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._looked_at: datetime | None = None

    def step(self, now: datetime) -> int:
        """Store what has changed; returns how many interfaces that were. Raises StoreError."""
        if self._looked_at is not None and timedelta(0) <= now - self._looked_at < EVERY:
            return 0
        words: dict[str, list[Word]] = defaultdict(list)
        for row in self._store.query(load_sql(_SQL, "told.sql"), {"since": now - WINDOW}).rows:
            words[row[0]].append(Word(*row))
        known: dict[str, int] = dict(self._store.query(load_sql(_SQL, "newest.sql")).rows)
        changed = [
            estimate
            for interface, told in words.items()
            if _has_changed(estimate := estimated(told), known.get(interface))
        ]
        if changed:
            rows = [
                (one.interface, now + timedelta(milliseconds=one.ahead_ms), *one[3:], one.tap)
                for one in changed
            ]
            columns = ("interface", "since", "offset_ms", "within_ms", "samples", "tap")
            self._store.insert("clock_offsets", columns, rows)
        self._looked_at = now
        return len(changed)


def estimated(words: Sequence[Word]) -> Word:
    """The offset that the last words agree on: the middle one, so that a single odd minute does not count."""
    last = sorted(words, key=lambda word: word.told)[-_WORDS:]
    middle = round(median(word.ahead_ms for word in last))
    newest = last[-1]
    return newest._replace(
        ahead_ms=middle,
        within_ms=min(word.within_ms for word in last),
        samples=sum(word.samples for word in last),
    )


def _has_changed(estimate: Word, known_ms: int | None) -> bool:
    if known_ms is None:
        return True
    # A slow network makes words inexact; a change within their error is none.
    return abs(estimate.ahead_ms - known_ms) > max(_CHANGED_MS, 2 * estimate.within_ms)
