"""Durations as OpenSLO writes them (`30d`, `12h`, `5m`, `2w`), used by the readers of objectives and burn
rates.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_duration(value: Any) -> timedelta:
    """OpenSLO's duration shorthand as a timedelta; months, quarters and years are no fixed length and are
    refused.
    """
    match = re.fullmatch(r"([1-9]\d{0,3})([mhdw])", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("must be a duration such as 5m, 6h, 30d or 4w")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
