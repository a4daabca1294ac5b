"""Deadlines as people write them: `15m`, `3 business days`, `4 business hours`, `07:00 next business day`.

Read by the model, turned into SQL by slo.workflows.compile and into pieces by slo.workflows.shifts. Business
time needs a calendar, which is an argument here and a table of pieces in SQL. Must never look at a clock.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, Protocol
from zoneinfo import ZoneInfo

_UNITS = {
    "s": 1,
    "sec": 1,
    "second": 1,
    "m": 60,
    "min": 60,
    "minute": 60,
    "h": 3600,
    "hour": 3600,
    "d": 86400,
    "day": 86400,
    "w": 604800,
    "week": 604800,
}
_BUSINESS = {"minute": 60, "min": 60, "hour": 3600, "h": 3600}
_TEXT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(business\s+[a-z]+?|[a-z]+?)s?\s*", re.IGNORECASE)
_CLOCK = re.compile(
    r"\s*([01]?\d|2[0-3]):([0-5]\d)"
    r"(?:\s+(?:(?P<next>next)\s+|in\s+(?P<count>\d+)\s+)(?P<business>business\s+)?days?"
    r"|\s+(?P<first>business\s+day))?\s*",
    re.IGNORECASE,
)
#: Longest deadline: beyond it a mistyped unit is likelier than a wish, and calendars end.
LONGEST_SECONDS = 366 * 86400
LONGEST_BUSINESS_DAYS = 250
LONGEST_BUSINESS_SECONDS = 40 * 24 * 3600
Unit = Literal["time", "business days", "business time", "clock"]


class BusinessCalendar(Protocol):
    """What a deadline asks of a calendar (slo.calendars.Calendar is one)."""

    @property
    def zone(self) -> str:
        """Its IANA zone."""

    def add_business_days(self, start: datetime, count: int) -> datetime:
        """The same clock time `count` business days later, in UTC."""

    def add_business_time(self, start: datetime, duration: timedelta) -> datetime:
        """When so much of its opening hours has passed, in UTC."""

    def is_business_day(self, day: date) -> bool:
        """Whether a local date is worked."""


@dataclass(frozen=True, slots=True)
class Within:
    """A deadline after a moment. `text` is what was written; `rule` says the same, one way only.

    time: `seconds` of real time. business days: `days` of a calendar, at the same clock time. business time:
    `seconds` of a calendar's opening hours. clock: at `minute` after local midnight of the calendar's zone,
    on the day that lies `days` days later (`working`: business days later); with `days` 0 the first such time
    after the moment (`working`: on a business day).
    """

    unit: Unit = "time"
    seconds: float = 0.0
    days: int = 0
    minute: int = 0
    working: bool = False
    text: str = ""

    def __str__(self) -> str:
        return self.text

    @classmethod
    def parse(cls, text: str) -> Within:
        """Read a duration; raises ValueError that says what a right one looks like."""
        found = _TEXT.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is no duration; write 90s, 15m, 24h, 2 days or 3 business days")
        amount, unit = float(found[1]), " ".join(found[2].lower().split())
        text = text.strip()
        if text.lower().endswith("ms"):
            raise ValueError("'ms' is no unit of time here; use s, m, h, d or business days")
        if unit in ("business day", "business d"):
            if not amount.is_integer() or not 1 <= amount <= LONGEST_BUSINESS_DAYS:
                raise ValueError(f"business days are whole, from 1 to {LONGEST_BUSINESS_DAYS}")
            return cls("business days", days=int(amount), text=text)
        if unit.startswith("business"):
            word = unit.removeprefix("business ")
            seconds = amount * _BUSINESS.get(word, 0)
            if not 0 < seconds <= LONGEST_BUSINESS_SECONDS:
                raise ValueError(
                    f"{text!r} is no business time; write 90 business minutes, 4 business hours (up to 960) "
                    "or 3 business days"
                )
            return cls("business time", seconds=round(seconds, 3), text=text)
        if unit not in _UNITS:
            raise ValueError(f"{found[2]!r} is no unit of time; use s, m, h, d or business days")
        seconds = amount * _UNITS[unit]
        if not 0 < seconds <= LONGEST_SECONDS:
            raise ValueError("a deadline lies between 1 ms and 366 days after the start")
        return cls(seconds=round(seconds, 3), text=text)

    @classmethod
    def parse_clock(cls, text: str) -> Within:
        """Read a time of day; raises ValueError that says what a right one looks like."""
        found = _CLOCK.fullmatch(text)
        if found is None:
            raise ValueError(
                f"{text!r} is no time of day; write '23:30', '07:00 business day', '07:00 next day', "
                "'07:00 next business day' or '12:00 in 3 business days'"
            )
        days = 1 if found["next"] else int(found["count"] or 0)
        if found["count"] and not 1 <= days <= LONGEST_BUSINESS_DAYS:
            raise ValueError(f"a time of day lies 1 to {LONGEST_BUSINESS_DAYS} days ahead")
        working = bool(found["business"] or found["first"])
        minute = int(found[1]) * 60 + int(found[2])
        return cls("clock", days=days, minute=minute, working=working, text=" ".join(text.split()))

    @property
    def needs_calendar(self) -> bool:
        """Whether a calendar has to say what it means."""
        return self.unit != "time"

    @property
    def rule(self) -> str:
        """What it means, spelled one way: equal rules of one calendar have equal deadlines."""
        match self.unit:
            case "business days":
                return f"{self.days} business days"
            case "business time":
                return f"{self.seconds:.3f} business seconds"
            case "clock":
                on = "business days" if self.working else "days"
                return f"{self.minute // 60:02d}:{self.minute % 60:02d} in {self.days} {on}"
        return f"{self.seconds:.3f} s"

    def after(self, base: datetime, calendar: BusinessCalendar | None) -> datetime:
        """The deadline for a moment, both aware UTC with milliseconds."""
        if self.unit == "time":
            return base + timedelta(seconds=self.seconds)
        if calendar is None:
            raise ValueError(f"a deadline of {self.text} needs a calendar")
        if self.unit == "business days":
            return calendar.add_business_days(base, self.days)
        if self.unit == "business time":
            return calendar.add_business_time(base, timedelta(seconds=self.seconds))
        return self._clock_after(base, calendar)

    def _clock_after(self, base: datetime, calendar: BusinessCalendar) -> datetime:
        zone = ZoneInfo(calendar.zone)
        day = base.astimezone(zone).date()
        left = self.days
        while left:
            day += timedelta(days=1)
            left -= not self.working or calendar.is_business_day(day)
        while True:
            moment = clock(day, self.minute, zone)
            if self.days or (moment > base and (not self.working or calendar.is_business_day(day))):
                return moment
            day += timedelta(days=1)

    def longest(self) -> timedelta:
        """No deadline of this kind lies later than this after its moment (holidays allowed for)."""
        if self.unit == "time":
            return timedelta(seconds=self.seconds)
        if self.unit == "business time":
            # Opening hours are at least two a week: fewer is no calendar anybody works by.
            return timedelta(days=self.seconds / 3600 * 3.5 + 14)
        return timedelta(days=self.days + 2 * (self.days // 5 + 1) + 10)


def clock(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """A local time of day in UTC; one that does not exist is read with the offset before the change."""
    return datetime.combine(day, time(minute // 60, minute % 60), zone).astimezone(UTC)
