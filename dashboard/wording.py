"""Numbers and times as people say them: `2 h 14 m late`, `14:02`, `Wed 17:00`, `97.2 %`.

Called by every page and by the CSV exports.  Must never read a clock: `now` is an argument, and the zone is
the site's.  Units follow their number after a no-break space, so that they never part at a line end.
"""

from __future__ import annotations

from datetime import datetime, tzinfo

NBSP = "\u00a0"
ABSENT = "–"

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0


def duration(seconds: float | None) -> str:
    """`0.4 s`, `42 s`, `38 m`, `2 h 14 m`, `3 d 4 h`; at most two units; the sign is the caller's to say."""
    if seconds is None:
        return ABSENT
    seconds = abs(seconds)
    if seconds < 0.0995:
        return f"{seconds * 1000:.0f}{NBSP}ms"
    if seconds < 9.95:
        return f"{seconds:.1f}{NBSP}s"
    if seconds < 59.5:
        return f"{seconds:.0f}{NBSP}s"
    minutes = int(seconds // _MINUTE) if seconds >= _HOUR else max(1, int(seconds // _MINUTE))
    if seconds < _HOUR:
        return f"{minutes}{NBSP}m"
    if seconds < _DAY:
        hours, rest = divmod(minutes, 60)
        return f"{hours}{NBSP}h" + (f"{NBSP}{rest}{NBSP}m" if rest else "")
    days, rest_hours = divmod(int(seconds // _HOUR), 24)
    return f"{days}{NBSP}d" + (f"{NBSP}{rest_hours}{NBSP}h" if rest_hours and days < 14 else "")


def late(seconds: float | None) -> str:
    """`38 m late` for a deadline that has passed by `seconds`, `due in 4 m` for a negative number."""
    if seconds is None:
        return ABSENT
    return f"{duration(seconds)}{NBSP}late" if seconds >= 0 else f"due in {duration(seconds)}"


def milliseconds(value: float | None) -> str:
    """Latency of a hop: `212 ms`, `2.1 s`."""
    if value is None:
        return ABSENT
    if value < 1000:
        return f"{value:.0f}{NBSP}ms" if value >= 10 else f"{value:.1f}{NBSP}ms"
    return duration(value / 1000)


def moment(at: datetime | None, zone: tzinfo, now: datetime) -> str:
    """A time as short as `now` allows: `14:02` today, `Wed 17:00` within six days, `12 Mar 14:02`, with a
    year when it is another one.
    """
    if at is None:
        return ABSENT
    local, today = at.astimezone(zone), now.astimezone(zone)
    days = (local.date() - today.date()).days
    if days == 0:
        return f"{local:%H:%M}"
    if abs(days) <= 6:
        return f"{local:%a} {local:%H:%M}"
    if local.year == today.year:
        return f"{local.day}{NBSP}{local:%b} {local:%H:%M}"
    return f"{local.day}{NBSP}{local:%b}{NBSP}{local.year} {local:%H:%M}"


def exact(at: datetime | None, zone: tzinfo) -> str:
    """The whole truth, for hover and titles: `2026-03-12 14:02:07.120 EDT`."""
    if at is None:
        return ""
    local = at.astimezone(zone)
    fraction = f".{local.microsecond // 1000:03d}" if local.microsecond else ""
    return f"{local:%Y-%m-%d %H:%M:%S}{fraction} {zone_name(at, zone)}"


def zone_name(at: datetime, zone: tzinfo) -> str:
    """The zone's name as printed beside times: `EST`, `UTC`; zones without letters give `UTC+03`."""
    name = at.astimezone(zone).tzname() or ""
    return f"UTC{name}" if name[:1] in "+-" else name


def percent(share: float | None, places: int = 1) -> str:
    """`97.2 %` of a share between 0 and 1; never rounds up to a 100 that was not reached."""
    if share is None:
        return ABSENT
    shown = round(share * 100, places)
    if share < 1.0 and shown >= 100.0:
        shown = 100.0 - 10.0**-places
    return f"{shown:.{places}f}{NBSP}%" if shown < 100.0 else f"100{NBSP}%"


def count(number: float | None) -> str:
    """`1 204`: thousands apart by a thin no-break space, so that no locale misreads a comma."""
    return ABSENT if number is None else f"{number:,.0f}".replace(",", "\u202f")


def rate(per_minute: float | None) -> str:
    """Messages over time: `41/min`, `0.4/min`, `3/h` for the quiet ones."""
    if per_minute is None:
        return ABSENT
    if per_minute >= 9.95:
        return f"{count(per_minute)}/min"
    if per_minute >= 0.2:
        return f"{per_minute:.1f}/min"
    return f"{per_minute * 60:.1f}/h" if per_minute > 0 else "0/min"


def plural(number: float, one: str, many: str | None = None) -> str:
    """`1 encounter`, `12 encounters`."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def masked(value: str | None) -> str:
    """`••••041`: the last three characters of a key, and none of one too short to hide behind them."""
    if not value:
        return "••••"
    return "••••" + (value[-3:] if len(value) > 5 else "")


def shortened(token: str) -> str:
    """`4bf9…4736`: a token people can compare without reading 32 digits."""
    return token if len(token) <= 12 else f"{token[:4]}…{token[-4:]}"


def phrase(code: str) -> str:
    """A coded reason as words: `cost_centre_unknown` -> `cost centre unknown`."""
    return code.replace("_", " ").strip()
