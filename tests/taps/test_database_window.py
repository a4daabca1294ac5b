"""The window behind the newest row, against any order of commits, looks, breaks and restarts."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.taps.database_errors import WindowError
from collector.taps.database_window import Row, Start, Window, check_mark, decode, encode

PAGE = 3


def row(mark: int, tie: int) -> Row:
    return Row(mark, tie, b"%08d%08d" % (mark, tie))


class Table:
    """Rows in the order an index has them, read like the tap reads them."""

    def __init__(self, window: Window) -> None:
        self.rows: list[Row] = []
        self.window = window
        self.taken: Counter[Row] = Counter()

    def look(self, pages: int) -> None:
        """Read; the connection breaks after so many pages."""
        start = self.window.begin()
        for _ in range(pages):
            page = [one for one in sorted(self.rows) if start is None or behind(start, one)][:PAGE]
            for one in page:
                if self.window.is_new(one):
                    self.taken[one] += 1
                self.window.take(one, None)
            if len(page) < PAGE:
                self.window.end()
                return
            start = Start(page[-1].mark, page[-1].tie, True)
            self.window.advance()
        self.window.interrupt()

    def restart(self) -> None:
        """Another process takes up what the first one noted."""
        noted = json.loads(json.dumps(self.window.to_json()))
        self.window = Window(self.window.overlap, self.window.bound)
        self.window.load(noted)


def behind(start: Start, one: Row) -> bool:
    return (one.mark, one.tie) > (start.mark, start.tie) if start.after else one.mark >= start.mark


steps = st.lists(
    st.one_of(
        st.tuples(st.just("commit"), st.integers(0, 40)),
        st.tuples(st.just("look"), st.integers(0, 20)),
        st.tuples(st.just("restart"), st.just(0)),
    ),
    max_size=60,
)


@given(steps=steps, overlap=st.integers(0, 20))
def test_every_row_that_commits_within_the_overlap_is_taken_once(
    steps: list[tuple[str, int]], overlap: int
) -> None:
    table = Table(Window(overlap, 1000))
    for tie, (what, number) in enumerate(steps):
        if what == "commit":
            if table.window.high is None or number >= table.window.high - overlap:
                table.rows.append(row(number, tie))
        elif what == "look":
            table.look(number)
        else:
            table.restart()
    table.look(1000)
    assert set(table.taken) == set(table.rows)
    assert set(table.taken.values()) <= {1}


@given(steps=steps, overlap=st.integers(0, 20), bound=st.integers(1, 6))
def test_with_little_memory_nothing_is_taken_twice_and_the_memory_stays_small(
    steps: list[tuple[str, int]], overlap: int, bound: int
) -> None:
    table = Table(Window(overlap, bound))
    for tie, (what, number) in enumerate(steps):
        if what == "commit":
            table.rows.append(row(number, tie))
        elif what == "look":
            table.look(1000)
            assert table.window.remembered <= bound
        else:
            table.restart()
    assert set(table.taken.values()) <= {1}


@pytest.mark.parametrize(
    "value",
    [
        None,
        7,
        2.5,
        Decimal("12.340"),
        datetime(2026, 3, 1, 12, 0, 0, 1, UTC),
        datetime(2026, 3, 1),
        date(2026, 3, 1),
        "text",
        UUID(int=5),
        b"\x00\xff",
    ],
)
def test_positions_survive_json(value: object) -> None:
    again = decode(json.loads(json.dumps(encode(value))))
    assert (type(again), again) == (type(value), value)


def test_what_cannot_be_followed_is_refused_without_being_quoted() -> None:
    with pytest.raises(WindowError) as caught:
        check_mark("V1234", "visit")
    assert "V1234" not in str(caught.value)
    with pytest.raises(WindowError):
        encode(object())
