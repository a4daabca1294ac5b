"""The database tap: looks at a growing table every few seconds and records each row once.

Called by `run`. It works in a thread of its own, because a database may take its time and nothing else may
wait for it. What was read is noted on disk after its spans are in the spool; rows the spool cannot take are
read again later. It must never write to the database, nor hold more than one connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
import json
import logging
import os
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from collector.taps.config import TapConfigError
from collector.taps.config.database import DatabaseInterface
from collector.taps.database_errors import DatabaseError, WindowError
from collector.taps.database_rows import RowObserver
from collector.taps.database_window import Row, Start, Window, check_mark
from collector.taps.tap import Ground, Tap

log = logging.getLogger("caretrail.tap")

JITTER = 0.1
LONGEST_WAIT = 60.0
FULL_WAIT = 1.0
NOTE_EVERY_S = 2.0


class Pages(Protocol):
    """Where rows come from: `database_reader.Reader`."""

    def newest(self) -> Any:
        """The highest watermark, None while there is no row."""
        ...

    def page(self, start: Start | None) -> list[tuple[Any, ...]]:
        """The next rows from `start` on, in order."""
        ...

    def close(self) -> None:
        """Let the connection go."""
        ...


@dataclass
class DatabaseCounters:
    """What happened at one database since the process started."""

    looks: int = 0
    pages: int = 0
    rows: int = 0
    """Rows recorded."""
    known: int = 0
    """Rows of the overlap that were met again."""
    failures: int = 0
    shortened: int = 0
    """Looks whose overlap held more rows than are remembered, and was cut."""


class DatabaseTap:
    """Polls one table, view or query."""

    def __init__(
        self,
        interface: DatabaseInterface,
        pages: Pages,
        observer: RowObserver,
        state_file: Path,
        is_full: Callable[[], bool] = lambda: False,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.interface = interface
        self.counted = DatabaseCounters()
        self.window = Window(interface.overlap, interface.remember_rows)
        self._pages = pages
        self._observer = observer
        self._state_file = state_file
        self._is_full = is_full
        self._clock = clock
        self._random = random.Random()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"database {interface.name}", daemon=True)
        self._away = ""
        self._noted_at = 0.0
        self._noted_start: Start | None = None
        self._load()

    async def start(self) -> None:
        """Look until `stop`."""
        self._thread.start()

    async def stop(self, drain_seconds: float) -> None:
        """End after the page that is being read; a statement that takes longer than that is left behind."""
        self._stopping.set()
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join, max(drain_seconds, 0.1))

    def counters(self) -> dict[str, Any]:
        """Looks, pages, rows; `remembered` is what is held of the overlap now."""
        return dataclasses.asdict(self.counted) | {
            "remembered": self.window.remembered,
            "unseen": self._observer.unread,
        }

    def look(self) -> int:
        """Read what is new; the number of rows recorded. Raises `DatabaseError`."""
        if not self._begun() or self._is_full():
            return 0
        recorded, start = 0, self.window.begin()
        whole = False
        try:
            while not self._stopping.is_set() and not self._is_full():
                rows = self._pages.page(start)
                self.counted.pages += 1
                taken = self._take(rows)
                if taken is None:
                    break
                recorded += taken
                if len(rows) < self.interface.page_rows:
                    whole = True
                    break
                reached = Start(rows[-1][0], rows[-1][1] if self.interface.tie_breaker else None, True)
                if reached == start:
                    raise WindowError(
                        f"a page of {len(rows)} rows ends where it began: watermark and tie_breaker do not "
                        "tell its rows apart (times finer than a microsecond have to be cut in a query)"
                    )
                start = reached
                self.window.advance()
                self._note(seldom=True)
        finally:
            if whole:
                self.window.end()
            else:
                self.window.interrupt()
            self.counted.shortened = self.window.shortened
            if recorded or self.window.start != self._noted_start:
                self._note()
        self.counted.looks += 1
        return recorded

    def _take(self, values: list[tuple[Any, ...]]) -> int | None:
        """Record the new ones of a page; None if the spool did not take them."""
        fresh, rows = [], []
        for one in values:
            mark = check_mark(one[0], self.interface.watermark)
            tie = one[1] if self.interface.tie_breaker else None
            row = Row(mark, tie, self._observer.digest(one))
            rows.append(row)
            if self.window.is_new(row):
                fresh.append((one, row.digest))
        if fresh and not self._observer.observe(fresh, self._clock()):
            return None
        latest = self._latest(values[0][0]) if values else None
        for row in rows:
            self.window.take(row, latest)
        self.counted.rows += len(fresh)
        self.counted.known += len(rows) - len(fresh)
        return len(fresh)

    def _begun(self) -> bool:
        """Whether the window has its beginning; False while the table is empty."""
        if self.window.high is not None or self.window.start is not None:
            return True
        newest = self._pages.newest()
        if newest is None:
            return False
        mark = check_mark(newest, self.interface.watermark)
        if isinstance(mark, datetime) and self.interface.tie_breaker is None:
            raise WindowError("a watermark that is a time needs a tie_breaker: rows may share a moment")
        if self.interface.begin == "now":
            latest = self._latest(mark)
            self.window.begin_at(mark if latest is None or mark <= latest else latest)
        elif self.interface.begin != "beginning":
            self._set_floor(mark)
            self.window.start = Start(self.window.floor)
        return True

    def _set_floor(self, example: Any) -> None:
        begin = self.interface.begin
        if isinstance(begin, str):
            return
        if isinstance(begin, datetime) != isinstance(example, datetime):
            raise WindowError(
                "begin: is not of the watermark's kind: a time for a time, a number for a number"
            )
        self.window.floor = self._like(begin, example) if isinstance(begin, datetime) else begin

    def _latest(self, example: Any) -> datetime | None:
        """The last time that counts as reached, in the form of the watermark; None for numbers."""
        if not isinstance(example, datetime):
            return None
        now = datetime.fromtimestamp(self._clock() / 1e9, UTC)
        return self._like(now + timedelta(seconds=self.interface.overlap), example)

    def _like(self, moment: datetime, example: datetime) -> datetime:
        """`moment` with or without zone, as `example` is."""
        aware = self._observer.moment(moment) or moment.astimezone(UTC)
        return aware if example.tzinfo is not None else self._observer.local(aware)

    def _run(self) -> None:
        wait = 0.0
        while not self._stopping.wait(wait):
            try:
                self.look()
                self._back()
                wait = self.interface.poll_seconds * self._random.uniform(1 - JITTER, 1 + JITTER)
                if self._is_full():
                    wait = max(wait, FULL_WAIT)
            except Exception as error:  # whatever it was, the next look may go better
                self.counted.failures += 1
                self._tell(error)
                wait = min(LONGEST_WAIT, max(wait, self.interface.poll_seconds, 1.0) * 2)
                wait *= self._random.uniform(0.5, 1.0)
        self._pages.close()

    def _tell(self, error: Exception) -> None:
        text = str(error) if isinstance(error, DatabaseError) else type(error).__name__
        if text != self._away:  # once per trouble, not once per look
            self._away = text
            log.error("interface %s: the database cannot be read: %s", self.interface.name, text)

    def _back(self) -> None:
        if self._away:
            self._away = ""
            log.warning("interface %s: the database can be read again", self.interface.name)

    def _fingerprint(self) -> str:
        """What the state belongs to: another table or column begins anew."""
        given = self.interface
        place = urlsplit(given.url)
        parts: tuple[object, ...] = (
            place.scheme.partition("+")[0],
            place.hostname,
            place.port,
            place.path,
        )
        parts += (given.table, given.query, given.watermark, given.tie_breaker)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]

    def _load(self) -> None:
        try:
            document = json.loads(self._state_file.read_bytes())
            if document["of"] == self._fingerprint():
                self.window.load(document)
                if self.window.high is not None:
                    self._set_floor(self.window.high)
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError):
            log.error("interface %s: what was read is not known any more", self.interface.name)

    def _note(self, seldom: bool = False) -> None:
        now = time.monotonic()
        if seldom and now - self._noted_at < NOTE_EVERY_S:
            return
        self._noted_at, self._noted_start = now, self.window.start
        text = json.dumps({"of": self._fingerprint()} | self.window.to_json())
        temporary = self._state_file.with_suffix(".new")
        try:
            self._state_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(text)
            os.replace(temporary, self._state_file)
        except OSError as error:
            log.error("interface %s: what was read cannot be noted: %s", self.interface.name, error.strerror)
            with contextlib.suppress(OSError):
                temporary.unlink()


def mount(interface: DatabaseInterface, ground: Ground) -> Tap:
    """The tap of a database. Raises `TapConfigError` where SQLAlchemy or the driver is not installed."""
    try:
        from collector.taps.database_reader import Reader
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "sqlalchemy":
            raise
        raise TapConfigError(
            f"interface {interface.name!r}: kind: a database needs SQLAlchemy: "
            "pip install 'caretrail[database]'"
        ) from None
    observer = RowObserver(interface, ground.keys, ground.spool)
    state = ground.state / f"{interface.name}.database.json"
    return DatabaseTap(interface, Reader(interface), observer, state, lambda: ground.spool.is_full)
