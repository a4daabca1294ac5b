"""Business days in SQL are those of the calendar, to the millisecond, whatever the clocks do."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slo import calendars
from slo.workflows.activate import extend_deadlines
from slo.workflows.compile import Compiled
from slo.workflows.duration import Within
from slo.workflows.load import Definition
from slo.workflows.shifts import Piece, fingerprint, pieces
from tests.workflows.traffic import MONDAY
from tracing.store import Store

ZONES = ("America/New_York", "Australia/Lord_Howe", "Europe/Berlin")
CALENDARS = {zone: calendars.load("us-business", zone=zone) for zone in ZONES}
DEADLINES = (
    "1 business days",
    "3 business days",
    "7 business days",
    "1 business minutes",
    "2 business hours",
    "9 business hours",
    "40 business hours",
)
CLOCKS = (
    "23:30",
    "02:30",
    "02:30 next day",
    "07:00 business day",
    "07:00 next business day",
    "12:00 in 3 business days",
)
FIRST, LAST = date(2025, 10, 1), date(2026, 12, 1)
_CACHE: dict[tuple[str, str], list[Piece]] = {}


@settings(max_examples=600, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    text=st.sampled_from((*DEADLINES, *CLOCKS)),
    start=st.datetimes(datetime(2025, 10, 3), datetime(2026, 11, 28)),
    near_a_change=st.booleans(),
    edge=st.sampled_from([None, 0, -1, 1]),
    data=st.data(),
)
def test_pieces_say_what_the_calendar_says(
    zone: str, text: str, start: datetime, near_a_change: bool, edge: int | None, data: st.DataObject
) -> None:
    if near_a_change:
        # The last Sunday of March and the first of November hold the changes of these zones.
        start = start.replace(month=11 if start.month > 6 else 3, day=1 if start.month > 6 else 29)
        start = max(start, datetime(2025, 10, 3)) if start.year == 2025 else start
    calendar = CALENDARS[zone]
    deadline = Within.parse_clock(text) if text in CLOCKS else Within.parse(text)
    if (zone, text) not in _CACHE:
        _CACHE[zone, text] = list(pieces(calendar, deadline, FIRST, LAST))
    known = _CACHE[zone, text]
    at = start.replace(microsecond=start.microsecond // 1000 * 1000, tzinfo=UTC)
    if edge is not None:
        # At the seams a millisecond matters.
        at = data.draw(st.sampled_from(known[1:])).since + timedelta(milliseconds=edge)
    piece = known[bisect_right(known, at, key=lambda piece: piece.since) - 1]
    due = piece.at or at + timedelta(milliseconds=piece.shift_ms)
    assert due == deadline.after(at, calendar)


def test_pieces_are_stored_once_and_extended_as_time_goes_on(
    store: Store, discharge_pack: Definition
) -> None:
    compiled = Compiled(discharge_pack.workflow, 1, discharge_pack.calendars)
    reach = "SELECT count(), max(since) FROM deadline_pieces FINAL WHERE rule = {rule:String}"
    ((rule, (_, calendar)),) = compiled.rules.items()
    assert rule == f"{fingerprint(calendar)}|3 business days"
    name = {"rule": rule}
    extend_deadlines(store, compiled, MONDAY)
    ((rows, until),) = store.query(reach, name).rows
    extend_deadlines(store, compiled, MONDAY + timedelta(days=5))
    assert store.query(reach, name).rows == [(rows, until)]
    extend_deadlines(store, compiled, MONDAY + timedelta(days=400))
    ((more, later),) = store.query(reach, name).rows
    assert more > rows
    assert abs(later - until - timedelta(days=400)) < timedelta(days=4)


def test_a_calendar_with_other_content_has_other_pieces() -> None:
    here, there = calendars.load("us-business"), calendars.load("us-business", zone="America/Denver")
    assert fingerprint(here) != fingerprint(there)
    assert fingerprint(here) == fingerprint(calendars.load("us-business"))
    with pytest.raises(LookupError):
        calendars.load("nowhere")
