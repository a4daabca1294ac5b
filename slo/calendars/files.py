"""Reads calendars from YAML: the shipped ones beside this module, and a site's own folder.

Called wherever a workflow or objective names a calendar. A file that cannot be trusted is refused with its
file, line and key; it is never half read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from slo.calendars import document
from slo.calendars.document import Document, DocumentError
from slo.calendars.model import MINUTES_A_DAY, Calendar, Holiday, Hours

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SHIPPED = ("always", "us-business")
_HOURS = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")


def load(name: str, folder: Path | None = None, zone: str | None = None) -> Calendar:
    """The calendar called `name`: from the site's `folder` when it has `name.yaml`, else the shipped one.

    `zone` overrides the file's IANA zone (a site in Denver keeps the federal holidays but not the New York
    clock). Raises `DocumentError` when the file is wrong, `LookupError` when there is none of that name.
    """
    if folder is not None and (own := folder / f"{name}.yaml").is_file():
        calendar = read(own.read_text(encoding="utf-8"), str(own), zone)
        source = str(own)
    elif name in SHIPPED:
        source = f"{name}.yaml"
        calendar = read((files("slo.calendars") / "data" / source).read_text("utf-8"), source, zone)
    else:
        where = f" and {folder} has no {name}.yaml" if folder is not None else ""
        raise LookupError(f"no calendar {name!r}: shipped are {', '.join(SHIPPED)}{where}")
    if calendar.name != name:
        raise DocumentError(source, 1, "metadata.name", f"is {calendar.name!r}, the file is called {name!r}")
    return calendar


def read(text: str, source: str, zone: str | None = None) -> Calendar:
    """Read one calendar document; `source` names it in messages. Raises `DocumentError`."""
    doc = document.parse(text, source)
    doc.mapping((), ("apiVersion", "kind", "metadata", "spec"))
    doc.choice(("apiVersion",), ("caretrail/v1",))
    doc.choice(("kind",), ("Calendar",))
    doc.mapping(("metadata",), ("name",), ("title",))
    name = doc.text(("metadata", "name"))
    spec = doc.mapping(("spec",), ("zone", "week"), ("holidays",))
    zone = _zone(doc, zone)
    week = doc.mapping(("spec", "week"), (), WEEKDAYS)
    hours = tuple(_hours(doc, day, week.get(day)) for day in WEEKDAYS)
    if not any(hours):
        doc.fail(("spec", "week"), "must open on at least one weekday")
    count = len(doc.sequence(("spec", "holidays"))) if spec.get("holidays") is not None else 0
    holidays = tuple(_holiday(doc, index) for index in range(count))
    return Calendar(name, doc.text(("metadata", "title"), name), zone, hours, holidays)


def _zone(doc: Document, override: str | None) -> str:
    name = override or doc.text(("spec", "zone"))
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        doc.fail(("spec", "zone"), f"{name!r} is not an IANA time zone such as America/New_York")
    return name


def _hours(doc: Document, day: str, value: object) -> Hours:
    if value is None:
        return ()
    path = ("spec", "week", day)
    intervals: list[tuple[int, int]] = []
    for index, text in enumerate(doc.sequence(path)):
        match = _HOURS.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            doc.fail((*path, index), f"{text!r} must look like '08:00-17:00' (in quotes)")
        opens, closes = (int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4]))
        if not opens < closes <= MINUTES_A_DAY:
            doc.fail((*path, index), f"{text!r} must open before it closes, at 24:00 at the latest")
        if intervals and opens < intervals[-1][1]:
            doc.fail((*path, index), f"{text!r} begins before the interval above it ends")
        intervals.append((opens, closes))
    return tuple(intervals)


def _holiday(doc: Document, index: int) -> Holiday:
    path = ("spec", "holidays", index)
    rule: Mapping[str, object] = doc.mapping(
        path, ("name",), ("month", "day", "observed", "weekday", "nth", "date", "since")
    )
    name = doc.text((*path, "name"))
    if "date" in rule:
        on = rule["date"]
        if not isinstance(on, date) or len(rule) != 2:
            doc.fail((*path, "date"), "must be a date such as 2026-05-04, with nothing but a name beside it")
        return Holiday(name, on=on)
    month = doc.integer((*path, "month"), 1, 12)
    since = doc.integer((*path, "since"), 0, 9999, default=0)
    if "nth" in rule:
        weekday = WEEKDAYS.index(doc.choice((*path, "weekday"), WEEKDAYS))
        nth = doc.integer((*path, "nth"), -5, 5)
        if nth == 0 or "day" in rule or "observed" in rule:
            doc.fail((*path, "nth"), "must be 1 to 5 or -1 to -5, without day and observed")
        return Holiday(name, month=month, weekday=weekday, nth=nth, since=since)
    day = doc.integer((*path, "day"), 1, (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1])
    observed = rule.get("observed", False)
    if not isinstance(observed, bool) or "weekday" in rule:
        doc.fail((*path, "observed"), "must be true or false, and a fixed day takes no weekday")
    return Holiday(name, month=month, day=day, observed=observed, since=since)
