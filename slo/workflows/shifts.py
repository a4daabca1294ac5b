"""Deadlines in business days as a step function of the start, so that SQL needs no calendar of its own.

Between two local midnights, and between the moments at which a zone changes its offset, "three business days
later" is a constant number of milliseconds later. Activation computes those pieces with the calendar itself
and stores them (table business_day_shifts); SQL finds the piece by ASOF JOIN.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from slo.calendars import Calendar

FIRST_DAY = date(2000, 1, 1)
#: Pieces are stored this far ahead of activation; the evaluator extends them once a day.
AHEAD = timedelta(days=550)
_QUARTER = timedelta(minutes=15)


def fingerprint(calendar: Calendar) -> str:
    """Name and a hash of everything the calendar says: another content never reads the old pieces."""
    return f"{calendar.name}@{hashlib.sha256(repr(calendar).encode()).hexdigest()[:16]}"


def pieces(calendar: Calendar, count: int, first: date, last: date) -> Iterator[tuple[datetime, int]]:
    """(since, milliseconds) for starts from local midnight of `first` to the end of `last`, ascending."""
    zone = ZoneInfo(calendar.zone)
    working = calendar.business_days(first, last + timedelta(days=count * 7 + 60))
    previous: int | None = None
    day = first
    while day <= last:
        target = working[bisect_right(working, day) + count - 1]
        begins, ends = _midnight(day, zone), _midnight(day + timedelta(days=1), zone)
        if _is_steady(day, zone) and _is_steady(target, zone):
            moments = [begins]
        else:
            # Zones change their offset at quarters of an hour, so a day with a change is walked in quarters.
            moments = [begins + n * _QUARTER for n in range(int((ends - begins) / _QUARTER))]
        for moment in moments:
            shift = round((calendar.add_business_days(moment, count) - moment) / timedelta(milliseconds=1))
            if shift != previous:
                yield moment, shift
                previous = shift
        day += timedelta(days=1)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _is_steady(day: date, zone: ZoneInfo) -> bool:
    here = datetime.combine(day, time(), zone).utcoffset()
    return here == datetime.combine(day + timedelta(days=1), time(), zone).utcoffset()
