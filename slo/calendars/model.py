"""What a calendar knows: working days, working hours, holidays, and how to add them to an instant.

Called by the workflow compiler and evaluator for deadlines such as `3 business days`. Every instant that
comes in or goes out is aware; results are UTC. The clock is never read here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

MINUTES_A_DAY = 24 * 60
#: A calendar that offers no working day for this long is refused rather than searched for ever.
SEARCH_LIMIT = timedelta(days=366 * 3)

Hours = tuple[tuple[int, int], ...]
"""Opening hours of one weekday: (opens, closes) in minutes after local midnight, ascending, 0 to 1440."""


@dataclass(frozen=True)
class Holiday:
    """One rule for a day off; exactly one of `day`, `nth` or `on` is used.

    `month` and `day`: a fixed date; with `observed` moved to Friday when it falls on Saturday and to Monday
    when it falls on Sunday (5 U.S.C. 6103(b)). `month`, `weekday` (0 is Monday) and `nth`: the n-th such
    weekday of the month, negative from the month's end. `on` (`date:` in the file): this one date, for a
    closure of the site's own.
    """

    name: str
    month: int = 0
    day: int = 0
    weekday: int = 0
    nth: int = 0
    on: date | None = None
    observed: bool = False
    since: int = 0

    def date_in(self, year: int) -> date | None:
        """The day off this rule gives for `year` (observed New Year's Day may lie in the year before)."""
        if self.on is not None:
            return self.on if self.on.year == year else None
        if year < self.since:
            return None
        if self.nth:
            return _nth_weekday(year, self.month, self.weekday, self.nth)
        if self.month == 2 and self.day == 29 and not _is_leap(year):
            return None
        actual = date(year, self.month, self.day)
        if self.observed and actual.weekday() == 5:
            return actual - timedelta(days=1)
        if self.observed and actual.weekday() == 6:
            return actual + timedelta(days=1)
        return actual


@dataclass(frozen=True)
class Calendar:
    """A named calendar in one IANA zone; `week` has opening hours from Monday to Sunday, empty if closed."""

    name: str
    title: str
    zone: str
    week: tuple[Hours, ...]
    holidays: tuple[Holiday, ...] = ()

    def is_business_day(self, day: date) -> bool:
        """Whether the local date `day` is worked."""
        return bool(self.week[day.weekday()]) and day not in self.holidays_in(day.year)

    def holidays_in(self, year: int) -> dict[date, str]:
        """Days off that fall in `year`, with their names. Weekends are not listed."""
        return _holidays_in(self.holidays, year)

    def business_days(self, first: date, last: date) -> list[date]:
        """Every business day from `first` to `last`, both included, ascending."""
        return [day for day in _days(first, last) if self.is_business_day(day)]

    def add_business_days(self, start: datetime, count: int) -> datetime:
        """The same local clock time on the `count`-th business day after the local date of `start`, in UTC.

        Why the clock time and not the close of business: it makes "3 business days" mean the same stretch for
        a discharge in the morning and one in the evening, needs no opening hours, and moves by whole days
        only. Days off are skipped, so a start on Saturday plus one business day is Monday at the same clock
        time. `count` 0 is `start` itself. A clock time that does not exist on the day (spring) is read with
        the offset before the change, one that exists twice (autumn) is the first, as RFC 5545 section 3.3.5
        says.
        """
        _require_aware(start)
        if count < 0:
            raise ValueError(f"a deadline lies {count} business days away; the count must not be negative")
        local = start.astimezone(ZoneInfo(self.zone))
        day = local.date()
        for _ in range(count):
            day = self._next_business_day(day)
        if day == local.date():
            return start.astimezone(UTC)
        return datetime.combine(day, local.time(), local.tzinfo).replace(fold=0).astimezone(UTC)

    def add_business_time(self, start: datetime, duration: timedelta) -> datetime:
        """The instant at which `duration` of opening hours has passed since `start`, in UTC.

        Time runs only while the calendar is open, by the real clock: a day on which the clocks change has an
        hour more or less if it is open then. A duration used up exactly at closing time ends there.
        """
        _require_aware(start)
        left, now = duration, start.astimezone(UTC)
        if left <= timedelta(0):
            return now
        for opens, closes in self._intervals(now):
            begins = max(opens, now)
            if left <= closes - begins:
                return begins + left
            left -= closes - begins
        raise ValueError(f"calendar {self.name} has fewer than {duration} of opening hours in three years")

    def is_open(self, at: datetime) -> bool:
        """Whether `at` lies in opening hours (closing time itself does not)."""
        _require_aware(at)
        opens, _ = next(self._intervals(at.astimezone(UTC)), (None, None))
        return opens is not None and opens <= at

    def _next_business_day(self, day: date) -> date:
        for candidate in _days(day + timedelta(days=1), day + SEARCH_LIMIT):
            if self.is_business_day(candidate):
                return candidate
        raise ValueError(f"calendar {self.name} has no business day within three years of {day}")

    def _intervals(self, after: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Opening intervals in UTC that end after `after`, ascending."""
        zone = ZoneInfo(self.zone)
        first = after.astimezone(zone).date()
        for day in _days(first, first + SEARCH_LIMIT):
            if not self.is_business_day(day):
                continue
            for opens, closes in self.week[day.weekday()]:
                interval = _instant(day, opens, zone), _instant(day, closes, zone)
                if interval[1] > after and interval[1] > interval[0]:
                    yield interval


@lru_cache(maxsize=256)
def _holidays_in(rules: tuple[Holiday, ...], year: int) -> dict[date, str]:
    found = {}
    for rule in rules:
        for candidate_year in (year, year + 1):
            day = rule.date_in(candidate_year)
            if day is not None and day.year == year:
                found[day] = rule.name
    return found


def _nth_weekday(year: int, month: int, weekday: int, nth: int) -> date | None:
    if nth > 0:
        first = date(year, month, 1)
        day = first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))
    else:
        last = date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
        day = last - timedelta(days=(last.weekday() - weekday) % 7 + 7 * (-nth - 1))
    return day if day.month == month else None


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _days(first: date, last: date) -> Iterator[date]:
    day = first
    while day <= last:
        yield day
        day += timedelta(days=1)


def _instant(day: date, minute: int, zone: ZoneInfo) -> datetime:
    if minute == MINUTES_A_DAY:
        day, minute = day + timedelta(days=1), 0
    return datetime.combine(day, time(minute // 60, minute % 60), zone).astimezone(UTC)


def _require_aware(at: datetime) -> None:
    if at.tzinfo is None:
        raise ValueError("instants must carry a time zone")
