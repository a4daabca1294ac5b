"""When a stored message happened, as it says itself.

Called by the file observers for history. Times are ns since the Unix epoch; None where a message names no
time, or one that no calendar has. It must never ask the clock.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final

_TS: Final = re.compile(
    r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:\.(\d{1,9}))?)?)?)?([+-]\d{4})?", re.ASCII
)
_EARLIEST: Final = 1970
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def nanoseconds(moment: datetime) -> int:
    """An aware time, exactly."""
    since = moment - _EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1000


def hl7_time(text: str | None, zone: tzinfo) -> int | None:
    """HL7 TS or DTM (v2.5.1 2.A.22): YYYYMMDD[HH[MM[SS[.S…]]]][+/-ZZZZ]; a date alone is its midnight."""
    match = _TS.fullmatch(text.strip()) if text else None
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    return _moment(
        (int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0)),
        fraction or "",
        _offset(offset) if offset else zone,
    )


def x12_time(date: str, time: str, zone: tzinfo) -> int | None:
    """GS04 and GS05 (CCYYMMDD, HHMM[SS[D…]]) or ISA09 and ISA10 (YYMMDD, HHMM); years from 70 are 19xx."""
    if not (date.isascii() and date.isdigit() and len(date) in (6, 8)):
        return None
    if not (time.isascii() and time.isdigit() and len(time) in (4, 6, 7, 8)):
        return None
    if len(date) == 6:
        date = ("19" if date >= "70" else "20") + date
    second = int(time[4:6] or 0)
    parts = (int(date[:4]), int(date[4:6]), int(date[6:]), int(time[:2]), int(time[2:4]), second)
    return _moment(parts, time[6:], zone)


def _moment(parts: tuple[int, int, int, int, int, int], fraction: str, zone: tzinfo) -> int | None:
    year, month, day, hour, minute, second = parts
    if year < _EARLIEST:
        return None
    try:
        # A leap second is the one before it; its fraction still tells messages apart.
        moment = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=zone)
        return nanoseconds(moment) + int(fraction.ljust(9, "0") or 0) if second <= 60 else None
    except (ValueError, OverflowError):
        return None


def _offset(text: str) -> tzinfo:
    minutes = int(text[1:3]) * 60 + int(text[3:])
    return timezone(timedelta(minutes=min(minutes, 24 * 60 - 1) * (-1 if text[0] == "-" else 1)))
