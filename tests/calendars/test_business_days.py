from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo.calendars import Calendar, load

NEW_YORK = ZoneInfo("America/New_York")
# Holidays as the United States Office of Personnel Management publishes them, by year.
PUBLISHED = {
    2025: "01-01 01-20 02-17 05-26 06-19 07-04 09-01 10-13 11-11 11-27 12-25",
    2026: "01-01 01-19 02-16 05-25 06-19 07-03 09-07 10-12 11-11 11-26 12-25",
    2027: "01-01 01-18 02-15 05-31 06-18 07-05 09-06 10-11 11-11 11-25 12-24 12-31",
    2028: "01-17 02-21 05-29 06-19 07-04 09-04 10-09 11-10 11-23 12-25",
    2029: "01-01 01-15 02-19 05-28 06-19 07-04 09-03 10-08 11-12 11-22 12-25",
    2030: "01-01 01-21 02-18 05-27 06-19 07-04 09-02 10-14 11-11 11-28 12-25",
}


@pytest.fixture(scope="module")
def office() -> Calendar:
    return load("us-business")


def local(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=NEW_YORK)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize("year", PUBLISHED)
def test_federal_holidays_are_those_published(office: Calendar, year: int) -> None:
    expected = [date.fromisoformat(f"{year}-{day}") for day in PUBLISHED[year].split()]
    assert sorted(office.holidays_in(year)) == expected


@pytest.mark.parametrize("year", range(2025, 2033))
def test_a_year_has_the_office_days_it_should(office: Calendar, year: int) -> None:
    days = office.business_days(date(year, 1, 1), date(year, 12, 31))
    assert 248 <= len(days) <= 252
    assert all(day.weekday() < 5 for day in days)
    assert not set(days) & set(office.holidays_in(year))


@pytest.mark.parametrize(
    ("start", "count", "due"),
    [
        (local(2026, 3, 3, 13, 20), 3, local(2026, 3, 6, 13, 20)),  # Tuesday to Friday
        (local(2026, 3, 5, 13, 20), 3, local(2026, 3, 10, 13, 20)),  # over a weekend in which clocks change
        (local(2026, 3, 7, 22, 5), 1, local(2026, 3, 9, 22, 5)),  # a Saturday discharge
        (local(2026, 7, 2, 9, 0), 1, local(2026, 7, 6, 9, 0)),  # observed Independence Day on Friday 3 July
        (local(2027, 12, 30, 9, 0), 1, local(2028, 1, 3, 9, 0)),  # New Year's Day 2028 observed in 2027
        (local(2026, 3, 3, 13, 20), 0, local(2026, 3, 3, 13, 20)),
    ],
)
def test_deadline_in_business_days_keeps_the_clock_time(
    office: Calendar, start: datetime, count: int, due: datetime
) -> None:
    assert office.add_business_days(start, count) == due
    assert office.add_business_days(start.astimezone(UTC), count).tzinfo is UTC


def test_local_date_decides_not_the_utc_date(office: Calendar) -> None:
    late_friday = datetime(2026, 3, 7, 3, 0, tzinfo=UTC)  # Friday 22:00 in New York
    assert office.add_business_days(late_friday, 1) == local(2026, 3, 9, 22, 0)


def test_clock_time_lost_in_spring_is_read_with_the_offset_before() -> None:
    everyday = load("always", zone="America/New_York")
    due = everyday.add_business_days(local(2026, 3, 7, 2, 30), 1)
    assert due == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)  # 02:30 EST, shown as 03:30 EDT


def test_clock_time_that_comes_twice_in_autumn_is_the_first() -> None:
    everyday = load("always", zone="America/New_York")
    assert everyday.add_business_days(local(2026, 10, 31, 1, 30), 1) == datetime(
        2026, 11, 1, 5, 30, tzinfo=UTC
    )
    second = local(2026, 11, 1, 1, 30).replace(fold=1)
    assert everyday.add_business_days(second, 0) == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)


def test_opening_hours_run_only_while_open(office: Calendar) -> None:
    four_hours = timedelta(hours=4)
    assert office.add_business_time(local(2026, 3, 3, 9, 0), four_hours) == local(2026, 3, 3, 13, 0)
    assert office.add_business_time(local(2026, 3, 3, 13, 0), four_hours) == local(2026, 3, 3, 17, 0)
    assert office.add_business_time(local(2026, 3, 6, 15, 0), four_hours) == local(2026, 3, 9, 10, 0)
    assert office.add_business_time(local(2026, 3, 7, 12, 0), four_hours) == local(2026, 3, 9, 12, 0)
    assert office.add_business_time(local(2026, 3, 7, 12, 0), timedelta(0)) == local(2026, 3, 7, 12, 0)


def test_open_hours_count_by_the_real_clock_when_clocks_change() -> None:
    everyday = load("always", zone="America/New_York")
    spring, autumn = local(2026, 3, 7, 12, 0), local(2026, 10, 31, 12, 0)
    assert everyday.add_business_time(spring, timedelta(days=1)) == local(2026, 3, 8, 13, 0)
    assert everyday.add_business_time(autumn, timedelta(days=1)) == local(2026, 11, 1, 11, 0)


def test_open_or_closed(office: Calendar) -> None:
    assert office.is_open(local(2026, 3, 3, 8, 0))
    assert not office.is_open(local(2026, 3, 3, 17, 0))
    assert not office.is_open(local(2026, 7, 3, 10, 0))
    assert load("always").is_open(local(2026, 7, 3, 3, 0))


@given(
    st.datetimes(datetime(2025, 1, 1), datetime(2032, 6, 1), timezones=st.just(UTC)),
    st.integers(0, 15),
    st.integers(0, 15),
)
def test_business_days_add_up(start: datetime, first: int, second: int) -> None:
    office = load("us-business")
    total = office.add_business_days(start, first + second)
    assert office.add_business_days(office.add_business_days(start, first), second) == total
    assert office.add_business_days(start, first + second + 1) > total


@given(
    st.datetimes(datetime(2025, 1, 1), datetime(2032, 6, 1), timezones=st.just(UTC)),
    st.timedeltas(timedelta(minutes=1), timedelta(hours=60)),
)
def test_around_the_clock_is_plain_time(start: datetime, duration: timedelta) -> None:
    assert load("always").add_business_time(start, duration) == start + duration


def test_naive_and_backward_questions_are_refused(office: Calendar) -> None:
    with pytest.raises(ValueError, match="time zone"):
        office.add_business_days(datetime(2026, 3, 3), 1)
    with pytest.raises(ValueError, match="negative"):
        office.add_business_days(local(2026, 3, 3, 9, 0), -1)
