"""Whether what happens keeps office hours: delays that jump over nights and weekends, and by which calendar.

Called by slo.workflows.discover.relate. Pure functions over moments; nothing here asks the store.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from slo.calendars import Calendar

#: Fewer moments say nothing about hours of the day.
ENOUGH = 30
#: Of what keeps office hours so much happens in them, and 95 of 100 take so much less of them than by the
#: clock.
_INSIDE, _SHORTER = 0.95, 0.6
#: Of what keeps working days so much happens on them, though it begins on other days, too.
_ON_DAYS, _BEGINS_ON_DAYS = 0.98, 0.9
_HOURS = (1, 2, 3, 4, 6, 8, 9, 12, 16, 18)
_MOST_DAYS = 40
Moments = Sequence[tuple[datetime, datetime]]


@dataclass(frozen=True, slots=True)
class Office:
    """A deadline by a calendar, and what speaks for it."""

    within: str
    calendar: str
    evidence: str


def office(moments: Moments, calendars: Sequence[Calendar]) -> Office | None:
    """The deadline by the calendar that what happened keeps, 95 of 100; None where the clock tells as much.

    moments: (what it is counted from, when it happened).
    """
    if len(moments) < ENOUGH:
        return None
    for calendar in calendars:
        if found := _hours(moments, calendar) or _days(moments, calendar):
            return found
    return None


def _hours(moments: Moments, calendar: Calendar) -> Office | None:
    inside = sum(calendar.is_open(end - timedelta(milliseconds=1)) for _, end in moments)
    if inside < _INSIDE * len(moments):
        return None
    by_clock = _p95([(end - begin).total_seconds() for begin, end in moments])
    by_office = _p95([open_seconds(calendar, begin, end) for begin, end in moments])
    if by_office > _SHORTER * by_clock or by_office > _HOURS[-1] * 3600:
        return None
    hours = next(hours for hours in _HOURS if by_office <= hours * 3600)
    return Office(
        f"{hours} business hours",
        calendar.name,
        f"{inside / len(moments):.1%} of {len(moments)} in the hours of {calendar.name}; of these 95 of 100 "
        f"need {by_office / 3600:.1f} h, by the clock {by_clock / 3600:.1f} h",
    )


def _days(moments: Moments, calendar: Calendar) -> Office | None:
    zone = ZoneInfo(calendar.zone)
    ending = sum(calendar.is_business_day(end.astimezone(zone).date()) for _, end in moments)
    beginning = sum(calendar.is_business_day(begin.astimezone(zone).date()) for begin, _ in moments)
    if ending < _ON_DAYS * len(moments) or beginning > _BEGINS_ON_DAYS * len(moments):
        return None
    days = round(_p95([float(_business_days(calendar, begin, end)) for begin, end in moments]))
    if days > _MOST_DAYS:
        return None
    return Office(
        f"{days} business day{'s' if days > 1 else ''}",
        calendar.name,
        f"{ending / len(moments):.1%} of {len(moments)} on working days of {calendar.name}, on which "
        f"{beginning / len(moments):.1%} of what it counts from happen",
    )


def open_seconds(calendar: Calendar, begin: datetime, end: datetime) -> float:
    """How much of the calendar's opening hours lies between two instants."""
    return sum(
        max(0.0, (min(end, closes) - max(begin, opens)).total_seconds())
        for opens, closes in _openings(calendar, begin, end)
    )


def _openings(calendar: Calendar, begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    zone = ZoneInfo(calendar.zone)
    day, last = begin.astimezone(zone).date(), end.astimezone(zone).date()
    while day <= last:
        if calendar.is_business_day(day):
            midnight = datetime.combine(day, time(), zone)
            for opens, closes in calendar.week[day.weekday()]:
                yield midnight + timedelta(minutes=opens), midnight + timedelta(minutes=closes)
        day += timedelta(days=1)


def _business_days(calendar: Calendar, begin: datetime, end: datetime) -> int:
    """The least number of business days that would have been enough."""
    return next(
        (count for count in range(1, _MOST_DAYS + 1) if calendar.add_business_days(begin, count) >= end),
        _MOST_DAYS + 1,
    )


def _p95(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
