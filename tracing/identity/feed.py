"""Follows the new rows of a table by the time they were stored, missing none and repeating few.

Used by the identity resolver and the workflow evaluator. Rows become visible some time after the moment they
carry, and two clocks of a cluster differ, so a reader looks back over an overlap; what it has seen there it
knows by a digest per moment, not by remembering rows. A reader that `remembers` keeps these digests in the
store and goes on after a restart where it, or another, ended; others read the overlap once more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tracing.store import Store, load_sql

#: Longer than any insert takes from the moment it stamps its rows to the moment they are visible.
OVERLAP = timedelta(seconds=60)
_SAVED_EVERY = OVERLAP / 10
_REMEMBERED_EVERY = timedelta(seconds=2)
PAGE = 5000
_PACKAGE = "tracing.identity.sql"
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a reader came; `version` is free for the reader's use."""

    watermark: datetime = _BEGINNING
    version: int = 0


def load_progress(store: Store, reader: str) -> Progress:
    """The stored progress of `reader`; the beginning when there is none."""
    rows = store.query(load_sql(_PACKAGE, "progress.sql"), {"reader": reader}).rows
    return Progress(*rows[0]) if rows else Progress()


def save_progress(store: Store, reader: str, progress: Progress) -> None:
    """Store the progress of `reader`."""
    row = (reader, progress.watermark, progress.version)
    store.insert("reader_progress", ("reader", "watermark", "version"), [row])


class Feed:
    """New rows of `table`, found by `ingested_at`. One per reader and table; not for two threads.

    `digest` is the SQL of what makes a row different from another of the same moment; '' where rows are only
    ever added, so that their number tells. remembers: whether what was worked is kept over a restart.
    """

    def __init__(self, reader: str, table: str, digest: str = "", *, remembers: bool = False) -> None:
        self._reader = reader
        self._remembers = remembers
        sql = load_sql(_PACKAGE, "blocks.sql").replace("{{table}}", table)
        self._sql = sql.replace("{{digest}}", f"sum(cityHash64({digest}))" if digest else "count()")
        self._unsaved: dict[datetime, int] = {}
        self._seen: dict[datetime, int] = {}
        self._watermark: datetime | None = None
        self._stored = _BEGINNING

    def look(self, store: Store) -> dict[datetime, int]:
        """Moments with rows not seen yet, each with its digest; hand them to `done` when they are worked."""
        found: dict[datetime, int] = dict(store.query(self._sql, {"since": self.since(store)}).rows)
        return {at: digest for at, digest in found.items() if self._seen.get(at) != digest}

    def since(self, store: Store) -> datetime:
        """The moment from which on `look` looks."""
        if self._watermark is None:
            self._watermark = self._stored = load_progress(store, self._reader).watermark
            if self._remembers and self._watermark > _BEGINNING:
                asked = {"reader": self._reader, "since": self._watermark - OVERLAP}
                self._seen = dict(store.query(load_sql(_PACKAGE, "worked.sql"), asked).rows)
                self._watermark = max(self._watermark, *self._seen, _BEGINNING)
        return self._watermark - OVERLAP if self._watermark > _BEGINNING else _BEGINNING

    def forget(self) -> None:
        """Know nothing, as after a restart: another may have worked meanwhile."""
        self._watermark = None
        self._seen = {}
        self._unsaved = {}

    def done(self, store: Store, blocks: dict[datetime, int]) -> None:
        """Remember that the rows of these moments are worked; the watermark is stored every few seconds."""
        if not blocks:
            return
        self._seen.update(blocks)
        self._watermark = max(self._watermark or _BEGINNING, *blocks)
        horizon = self._watermark - OVERLAP
        self._seen = {at: digest for at, digest in self._seen.items() if at >= horizon}
        if self._remembers:
            self._unsaved.update(blocks)
        if self._watermark - self._stored > (_REMEMBERED_EVERY if self._remembers else _SAVED_EVERY):
            save_progress(store, self._reader, Progress(self._watermark))
            rows = [(self._reader, at, digest) for at, digest in self._unsaved.items()]
            store.insert("reader_blocks", ("reader", "at", "digest"), rows)
            self._unsaved = {}
            self._stored = self._watermark


def paged(
    store: Store, sql: str, blocks: dict[datetime, int], page: int = PAGE
) -> Iterator[list[tuple[Any, ...]]]:
    """Rows about what was stored in `blocks`, in pages; `sql` takes since and blocks, too."""
    if blocks:
        moments = sorted(blocks)
        yield from pages(store, sql, {"since": moments[0], "blocks": moments}, page)


def pages(
    store: Store, sql: str, parameters: Mapping[str, Any], page: int = PAGE
) -> Iterator[list[tuple[Any, ...]]]:
    """Rows in pages, in the order of their first column, which is text and unique.

    `sql` takes the parameters after and page, and those in `parameters`.
    """
    after = ""
    while True:
        rows = store.query(sql, {**parameters, "after": after, "page": page}).rows
        if rows:
            yield rows
        if len(rows) < page:
            return
        after = rows[-1][0]
