"""Deadlines as people write them: `1m`, `90 s`, `24h`, `3 business days`.

Used by the workflow model and by the compiler; it never looks at a calendar, that is the compiler's task.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

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
_TEXT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(business\s+days?|[a-z]+?)s?\s*", re.IGNORECASE)
#: Longest deadline: beyond it a mistyped unit is likelier than a wish, and calendars end.
LONGEST_SECONDS = 366 * 86400
LONGEST_BUSINESS_DAYS = 250


class BusinessCalendar(Protocol):
    """What a deadline in business days asks of a calendar (slo.calendars.Calendar is one)."""

    def add_business_days(self, start: datetime, count: int) -> datetime:
        """The same clock time `count` business days later, in UTC."""


@dataclass(frozen=True, slots=True)
class Within:
    """A deadline after the start: `seconds` of real time, or `business_days` of a calendar (never both)."""

    seconds: float = 0.0
    business_days: int = 0
    text: str = ""

    def __str__(self) -> str:
        return self.text

    @classmethod
    def parse(cls, text: str) -> Within:
        """Read a deadline; raises ValueError that says what a right one looks like."""
        found = _TEXT.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is no duration; write 90s, 15m, 24h, 2 days or 3 business days")
        amount, unit = float(found[1]), found[2].lower()
        if text.strip().lower().endswith("ms"):
            raise ValueError("'ms' is no unit of time here; use s, m, h, d or business days")
        if unit.startswith("business"):
            if not amount.is_integer() or not 1 <= amount <= LONGEST_BUSINESS_DAYS:
                raise ValueError(f"business days are whole, from 1 to {LONGEST_BUSINESS_DAYS}")
            return cls(business_days=int(amount), text=text.strip())
        if unit not in _UNITS:
            raise ValueError(f"{found[2]!r} is no unit of time; use s, m, h, d or business days")
        seconds = amount * _UNITS[unit]
        if not 0 < seconds <= LONGEST_SECONDS:
            raise ValueError("a deadline lies between 1 ms and 366 days after the start")
        return cls(seconds=round(seconds, 3), text=text.strip())

    def after(self, start: datetime, calendar: BusinessCalendar | None) -> datetime:
        """The deadline for a start, both aware UTC with milliseconds."""
        if not self.business_days:
            return start + timedelta(seconds=self.seconds)
        if calendar is None:
            raise ValueError("a deadline in business days needs a calendar")
        return calendar.add_business_days(start, self.business_days)

    def longest(self) -> timedelta:
        """No deadline of this kind lies later than this after its start (holidays allowed for)."""
        if not self.business_days:
            return timedelta(seconds=self.seconds)
        return timedelta(days=self.business_days + 2 * (self.business_days // 5 + 1) + 10)
