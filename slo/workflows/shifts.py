"""Deadlines of a calendar as pieces of time, so that SQL needs no calendar of its own.

Between two of its moments a deadline either lies a constant number of milliseconds after its base (three
business days later) or at a constant instant (07:00 of the next business day; four business hours from a
moment at night). Activation computes those pieces with the calendar itself and stores them (table
deadline_pieces); SQL finds the piece by ASOF JOIN.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from typing import NamedTuple
from zoneinfo import ZoneInfo

from slo.calendars import Calendar
from slo.workflows.duration import Within, clock

FIRST_DAY = date(2000, 1, 1)
#: Pieces are stored this far ahead of activation; the evaluator extends them once a day.
AHEAD = timedelta(days=550)
_QUARTER = timedelta(minutes=15)
_MS = timedelta(milliseconds=1)
#: Looked ahead for business time: a deadline of 960 opening hours in a calendar that opens little.
_FAR = timedelta(days=800)


class Piece(NamedTuple):
    """From `since` on: the deadline is `at`, or, where that is None, `shift_ms` after its base."""

    since: datetime
    shift_ms: int
    at: datetime | None


def fingerprint(calendar: Calendar) -> str:
    """Name and a hash of everything the calendar says: another content never reads the old pieces."""
    return f"{calendar.name}@{hashlib.sha256(repr(calendar).encode()).hexdigest()[:16]}"


def rule_name(calendar: Calendar, deadline: Within) -> str:
    """What the pieces of a deadline are called in the store."""
    return f"{fingerprint(calendar)}|{deadline.rule}"


def pieces(calendar: Calendar, deadline: Within, first: date, last: date) -> Iterator[Piece]:
    """The pieces for bases from local midnight of `first` to the end of `last`, ascending."""
    match deadline.unit:
        case "business days":
            found = _business_days(calendar, deadline.days, first, last)
        case "business time":
            found = _business_time(calendar, timedelta(seconds=deadline.seconds), first, last)
        case "clock":
            found = _clock(calendar, deadline, first, last)
        case _:
            raise ValueError(f"{deadline} needs no calendar")
    previous: tuple[int, datetime | None] | None = None
    for piece in found:
        if piece[1:] != previous:
            yield piece
            previous = piece[1:]


def _business_days(calendar: Calendar, count: int, first: date, last: date) -> Iterator[Piece]:
    zone = ZoneInfo(calendar.zone)
    working = calendar.business_days(first, last + timedelta(days=count * 7 + 60))
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
            yield Piece(moment, round((calendar.add_business_days(moment, count) - moment) / _MS), None)
        day += timedelta(days=1)


def _clock(calendar: Calendar, deadline: Within, first: date, last: date) -> Iterator[Piece]:
    zone = ZoneInfo(calendar.zone)
    yield Piece(_midnight(first, zone), 0, deadline.after(_midnight(first, zone), calendar))
    day = first
    while day <= last:
        # With a day of its own it changes at midnight; without one, when the time itself has come.
        since = _midnight(day, zone) if deadline.days else clock(day, deadline.minute, zone)
        yield Piece(since, 0, deadline.after(since, calendar))
        day += timedelta(days=1)


def _business_time(calendar: Calendar, duration: timedelta, first: date, last: date) -> Iterator[Piece]:
    zone = ZoneInfo(calendar.zone)
    begin, end = _midnight(first, zone), _midnight(last + timedelta(days=1), zone)
    opened = list(_intervals(calendar, first - timedelta(days=1), last + _FAR))
    ends = [closes for _, closes in opened]
    # Opening time before each interval, so that both directions are one search.
    passed = [timedelta(0), *accumulate(closes - opens for opens, closes in opened)]

    def after(base: datetime) -> datetime:
        n = bisect_right(ends, base)
        used = passed[n] + max(base - opened[n][0], timedelta(0))
        k = bisect_left(passed, used + duration) - 1
        return opened[k][0] + (used + duration - passed[k])

    moments = {begin}
    for n, (opens, closes) in enumerate(opened):
        moments |= {opens, closes}
        # From here on so little is left until closing that the deadline lies behind the next opening.
        left = passed[n + 1] - duration
        if left >= timedelta(0) and (k := bisect_right(passed, left) - 1) < len(opened):
            moments.add(opened[k][0] + (left - passed[k]) + _MS)
    for moment in sorted(moment for moment in moments if begin <= moment < end):
        n = bisect_right(ends, moment)
        if opened[n][0] <= moment:
            yield Piece(moment, round((after(moment) - moment) / _MS), None)
        else:
            yield Piece(moment, 0, after(moment))


def _intervals(calendar: Calendar, first: date, last: date) -> Iterator[tuple[datetime, datetime]]:
    zone = ZoneInfo(calendar.zone)
    for day in calendar.business_days(first, last):
        for opens, closes in calendar.week[day.weekday()]:
            begins = clock(day, opens, zone)
            ends = clock(day, closes, zone) if closes < 1440 else _midnight(day + timedelta(days=1), zone)
            if begins < ends:
                yield begins, ends


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _is_steady(day: date, zone: ZoneInfo) -> bool:
    here = datetime.combine(day, time(), zone).utcoffset()
    return here == datetime.combine(day + timedelta(days=1), time(), zone).utcoffset()
