"""Business days in SQL are those of the calendar, to the millisecond, whatever the clocks do."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slo import calendars
from slo.workflows.activate import extend_business_days
from slo.workflows.compile import Compiled
from slo.workflows.load import Definition
from slo.workflows.shifts import fingerprint, pieces
from tests.workflows.traffic import MONDAY
from tracing.store import Store

ZONES = ("America/New_York", "Australia/Lord_Howe", "Europe/Berlin")
CALENDARS = {zone: calendars.load("us-business", zone=zone) for zone in ZONES}
FIRST, LAST = date(2025, 10, 1), date(2026, 12, 1)
_CACHE: dict[tuple[str, int], list[tuple[datetime, int]]] = {}


@settings(max_examples=200, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    count=st.sampled_from([1, 3, 7]),
    start=st.datetimes(datetime(2025, 10, 3), datetime(2026, 11, 28)),
    near_a_change=st.booleans(),
)
def test_pieces_say_what_the_calendar_says(
    zone: str, count: int, start: datetime, near_a_change: bool
) -> None:
    if near_a_change:
        # The last Sunday of March and the first of November hold the changes of these zones.
        start = start.replace(month=11 if start.month > 6 else 3, day=1 if start.month > 6 else 29)
        start = max(start, datetime(2025, 10, 3)) if start.year == 2025 else start
    calendar = CALENDARS[zone]
    if (zone, count) not in _CACHE:
        _CACHE[zone, count] = list(pieces(calendar, count, FIRST, LAST))
    known = _CACHE[zone, count]
    at = start.replace(microsecond=start.microsecond // 1000 * 1000, tzinfo=UTC)
    place = bisect_right(known, at, key=lambda piece: piece[0]) - 1
    assert at + timedelta(milliseconds=known[place][1]) == calendar.add_business_days(at, count)


def test_pieces_are_stored_once_and_extended_as_time_goes_on(
    store: Store, discharge_pack: Definition
) -> None:
    compiled = Compiled(discharge_pack.workflow, 1, discharge_pack.calendar)
    reach = "SELECT count(), max(since) FROM business_day_shifts FINAL WHERE calendar = {name:String}"
    assert discharge_pack.calendar is not None
    name = {"name": fingerprint(discharge_pack.calendar)}
    extend_business_days(store, compiled, MONDAY)
    ((rows, until),) = store.query(reach, name).rows
    extend_business_days(store, compiled, MONDAY + timedelta(days=5))
    assert store.query(reach, name).rows == [(rows, until)]
    extend_business_days(store, compiled, MONDAY + timedelta(days=400))
    ((more, later),) = store.query(reach, name).rows
    assert more > rows
    assert abs(later - until - timedelta(days=400)) < timedelta(days=4)


def test_a_calendar_with_other_content_has_other_pieces() -> None:
    here, there = calendars.load("us-business"), calendars.load("us-business", zone="America/Denver")
    assert fingerprint(here) != fingerprint(there)
    assert fingerprint(here) == fingerprint(calendars.load("us-business"))
    with pytest.raises(LookupError):
        calendars.load("nowhere")
