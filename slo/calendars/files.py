"""Reads calendars from YAML: the shipped ones beside this module, and a site's own folder.

Called wherever a workflow or objective names a calendar. A file that cannot be trusted is refused with its
file, line and key; it is never half read.
"""

from __future__ import annotations

import datetime
import itertools
import re
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from slo.calendars.model import MINUTES_A_DAY, Calendar, Holiday, Hours
from tracing import documents

SHIPPED = ("always", "us-business")
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)
_HOURS = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _interval(value: object) -> tuple[int, int]:
    match = _HOURS.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("must look like '08:00-17:00', in quotes")
    opens, closes = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
    if not opens < closes <= MINUTES_A_DAY:
        raise ValueError("must open before it closes, at 24:00 at the latest")
    return opens, closes


def _ascending(hours: Hours) -> Hours:
    for earlier, later in itertools.pairwise(hours):
        if later[0] < earlier[1]:
            raise ValueError("an interval begins before the one above it ends")
    return hours


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("must be an IANA time zone such as America/New_York") from None
    return name


def _one_of(*, is_fixed: bool, is_nth: bool, is_date: bool) -> None:
    if is_fixed + is_nth + is_date != 1:
        raise ValueError("needs either month and day, or month, weekday and nth, or date")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _HolidayRule(_Part):
    name: str = Field(min_length=1)
    month: int | None = Field(None, ge=1, le=12)
    day: int | None = Field(None, ge=1, le=31)
    observed: bool = False
    weekday: Weekday | None = None
    nth: int | None = Field(None, ge=-5, le=5)
    date: datetime.date | None = None
    since: int = Field(0, ge=0, le=9999)

    @model_validator(mode="after")
    def _one_way(self) -> _HolidayRule:
        _one_of(is_fixed=self.day is not None, is_nth=self.nth is not None, is_date=self.date is not None)
        if self.date is not None and (self.month or self.weekday or self.observed):
            raise ValueError("a date stands alone, without month, weekday and observed")
        if self.date is None and self.month is None:
            raise ValueError("needs a month")
        if (self.nth is None) != (self.weekday is None) or self.nth == 0:
            raise ValueError("weekday goes with nth: 1 to 5, or -1 to -5 counted from the end of the month")
        if self.observed and self.day is None:
            raise ValueError("observed goes with month and day only")
        if self.day is not None and self.month is not None and self.day > _LONGEST[self.month - 1]:
            raise ValueError("that month never has such a day")
        return self

    def holiday(self) -> Holiday:
        return Holiday(
            name=self.name,
            month=self.month or 0,
            day=self.day or 0,
            weekday=WEEKDAYS.index(self.weekday) if self.weekday else 0,
            nth=self.nth or 0,
            on=self.date,
            observed=self.observed,
            since=self.since,
        )


_DayHours = Annotated[
    tuple[Annotated[tuple[int, int], BeforeValidator(_interval)], ...], AfterValidator(_ascending)
]


class _Week(_Part):
    monday: _DayHours = ()
    tuesday: _DayHours = ()
    wednesday: _DayHours = ()
    thursday: _DayHours = ()
    friday: _DayHours = ()
    saturday: _DayHours = ()
    sunday: _DayHours = ()

    @model_validator(mode="after")
    def _opens(self) -> _Week:
        if not any(self.days()):
            raise ValueError("must open on at least one weekday")
        return self

    def days(self) -> tuple[Hours, ...]:
        return tuple(getattr(self, day) for day in WEEKDAYS)


class _Metadata(_Part):
    name: str = Field(min_length=1)
    title: str = ""


class _Spec(_Part):
    zone: Annotated[str, AfterValidator(_zone)]
    week: _Week
    holidays: tuple[_HolidayRule, ...] = ()


class _CalendarFile(_Part):
    apiVersion: Literal["caretrail/v1"]
    kind: Literal["Calendar"]
    metadata: _Metadata
    spec: _Spec


def load(name: str, folder: Path | None = None, zone: str | None = None) -> Calendar:
    """The calendar called `name`: from the site's `folder` when it has `name.yaml`, else the shipped one.

    `zone` overrides the file's IANA zone: a site in Denver keeps the federal holidays but not the New York
    clock. Raises `tracing.documents.DocumentError` when the file is wrong, `LookupError` when there is none
    of that name.
    """
    if folder is not None and (own := folder / f"{name}.yaml").is_file():
        source, text = str(own), own.read_text(encoding="utf-8")
    elif name in SHIPPED:
        source = f"{name}.yaml"
        text = (files("slo.calendars") / "data" / source).read_text(encoding="utf-8")
    else:
        where = f"; {folder} has no {name}.yaml" if folder is not None else ""
        raise LookupError(f"no calendar {name!r}: shipped are {', '.join(SHIPPED)}{where}")
    calendar = read(text, source, zone)
    if calendar.name != name:
        raise documents.DocumentError([f"{source}:1: metadata.name: must be {name}, as the file is called"])
    return calendar


def read(text: str, source: str, zone: str | None = None) -> Calendar:
    """Read one calendar document; `source` names it in messages. Raises `tracing.documents.DocumentError`."""
    found = documents.read(text, source)
    if len(found) != 1:
        raise documents.DocumentError([f"{source}:1: must hold one calendar, holds {len(found)} documents"])
    file = documents.check(_CalendarFile, found[0])
    return Calendar(
        name=file.metadata.name,
        title=file.metadata.title or file.metadata.name,
        zone=_zone(zone or file.spec.zone),
        week=file.spec.week.days(),
        holidays=tuple(rule.holiday() for rule in file.spec.holidays),
    )
