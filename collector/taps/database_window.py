"""What has been read of a growing table, and where the next look begins: positions, and rows remembered.

Called by the database tap. A transaction that commits late puts rows behind the newest one, so each look
begins an overlap earlier and skips the rows it remembers. Pure: no database, no file, no clock. It must never
hold more than its bound, nor keep a value of a row beyond watermark and tie-breaker.
"""

from __future__ import annotations

import base64
from collections import deque
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from collector.taps.database_errors import WindowError

Mark: TypeAlias = Any
"""A watermark: int, float or Decimal, or a datetime with or without zone, as the database has it."""


DIGEST = 16
"""Bytes of a row's digest."""


class Start(NamedTuple):
    """Rows from `mark` on; behind `(mark, tie)` where `tie` is not None."""

    mark: Mark
    tie: Any = None
    after: bool = False
    """Whether the row at the position itself is left out."""


class Row(NamedTuple):
    """What is remembered of a row: its place, and a digest of what was read of it."""

    mark: Mark
    tie: Any
    digest: bytes


def check_mark(value: object, name: str) -> Mark:
    """`value` as a watermark. Raises `WindowError` naming the column."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | datetime):
        raise WindowError(
            f"the watermark {name!r} is neither a number nor a time ({type(value).__name__}): choose another "
            "column, or cast it in a query"
        )
    return value


@dataclass
class Window:
    """The overlap behind the newest row.

    overlap: seconds or a difference. bound: most rows remembered; where more lie in the overlap, it begins at
    the oldest that is remembered, and `shortened` counts the looks where that was so.
    """

    overlap: float
    bound: int
    floor: Mark | None = None
    """No look begins before this one."""
    start: Start | None = None
    high: Mark | None = None
    shortened: int = 0

    def __post_init__(self) -> None:
        self._seen: dict[bytes, None] = {}
        self._fresh: deque[Row] = deque()
        self._cut: Row | None = None

    @property
    def remembered(self) -> int:
        """Rows held now."""
        return len(self._seen)

    def begin_at(self, newest: Mark) -> None:
        """Begin an overlap before the newest row instead of at the first."""
        self.high = newest
        self.start = Start(self._edge())

    def begin(self) -> Start | None:
        """Begin a look; where it starts, None for the first row of all."""
        self._fresh = deque()
        self._cut = None
        return self.start

    def is_new(self, row: Row) -> bool:
        """Whether a row of this look was not taken before."""
        return row.digest not in self._seen

    def take(self, row: Row, latest: Mark | None) -> None:
        """Note a row of this look, in order. `latest`: no watermark beyond it counts as the newest row.

        A row dated in the future would otherwise hide what is written until then.
        """
        reached = row.mark if latest is None or row.mark <= latest else latest
        if self.high is None or reached > self.high:
            self.high = reached
        self._seen[row.digest] = None
        self._fresh.append(row)
        edge = self._edge()
        while self._fresh and self._fresh[0].mark < edge:
            self._forget(self._fresh.popleft())
        while len(self._fresh) > self.bound:
            self._cut = self._fresh.popleft()
            self._forget(self._cut)

    def advance(self) -> None:
        """In the middle of a look: a crash from here on begins behind what has been read."""
        if self.high is None:
            return
        edge = self._edge()
        if self._cut is not None and self._cut.mark >= edge:
            self.start = Start(self._cut.mark, self._cut.tie, True)
        elif self.start is None or not (self.start.after and self.start.mark >= edge):
            # A cut that is inside the overlap still stays: the rows before it were forgotten.
            self.start = Start(edge)

    def end(self) -> None:
        """End a look that read everything: what it did not meet again has left the table or the overlap."""
        self._seen = dict.fromkeys(row.digest for row in self._fresh)
        self._fresh = deque()
        self.advance()
        self.shortened += self.start is not None and self.start.after

    def interrupt(self) -> None:
        """End a look that stopped early: what was known before stays known, within bounds."""
        if len(self._seen) > 3 * self.bound:
            self._seen = dict.fromkeys(row.digest for row in self._fresh)
        self._fresh = deque()
        self.advance()

    def to_json(self) -> dict[str, Any]:
        """The window as JSON."""
        start = self.start
        return {
            "start": [encode(start.mark), encode(start.tie), start.after] if start else None,
            "high": encode(self.high),
            "seen": base64.b64encode(b"".join(self._seen)).decode("ascii"),
        }

    def load(self, document: dict[str, Any]) -> None:
        """Take up what `to_json` gave. Raises ValueError, KeyError or TypeError where that is damaged."""
        seen = base64.b64decode(document["seen"], validate=True)
        given = document["start"]
        start = Start(decode(given[0]), decode(given[1]), bool(given[2])) if given else None
        self.high = decode(document["high"])
        self.start = start
        self._seen = dict.fromkeys(seen[at : at + DIGEST] for at in range(0, len(seen), DIGEST))

    def _forget(self, row: Row) -> None:
        self._seen.pop(row.digest, None)

    def _move(self) -> None:
        if self.high is None:
            return
        edge = self._edge()
        if self._cut is not None and self._cut.mark >= edge:
            self.start = Start(self._cut.mark, self._cut.tie, True)
            self.shortened += 1
        elif self.start is None or not self._holds(edge):
            self.start = Start(edge)

    def _edge(self) -> Mark:
        edge = _minus(self.high, self.overlap)
        return edge if self.floor is None or edge >= self.floor else self.floor

    def _holds(self, edge: Mark) -> bool:
        """Whether the start is a cut inside the overlap still: rows before it were forgotten."""
        return self.start is not None and self.start.after and self.start.mark >= edge


def _minus(mark: Mark, overlap: float) -> Mark:
    if isinstance(mark, datetime):
        try:
            return mark - timedelta(seconds=overlap)
        except OverflowError:
            return mark
    if isinstance(mark, float):
        return mark - overlap
    return mark - (int(overlap) if isinstance(mark, int) else Decimal(str(overlap)))


def encode(value: Any) -> Any:
    """A watermark or tie-breaker as JSON: a pair of its kind and its text. Raises `WindowError`."""
    if value is None:
        return None
    for name, (kind, write, _) in _KINDS.items():
        if type(value) is kind:
            return [name, write(value)]
    raise WindowError(f"the tie-breaker is of a kind that cannot be kept ({type(value).__name__})")


def decode(given: Any) -> Any:
    """What `encode` gave."""
    return None if given is None else _KINDS[given[0]][2](given[1])


_KINDS: dict[str, tuple[type, Any, Any]] = {
    "int": (int, str, int),
    "float": (float, float.hex, float.fromhex),
    "decimal": (Decimal, str, Decimal),
    "time": (datetime, datetime.isoformat, datetime.fromisoformat),
    "date": (date, date.isoformat, date.fromisoformat),
    "text": (str, str, str),
    "uuid": (UUID, str, UUID),
    "bytes": (bytes, bytes.hex, bytes.fromhex),
}
