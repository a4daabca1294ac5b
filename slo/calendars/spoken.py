"""Durations as people say them, for alerts and figures."""

from __future__ import annotations

from datetime import timedelta


def span(duration: timedelta) -> str:
    """`less than a minute`, `4 min`, `2 h 14 min`, `3 d 2 h`: the two largest units, rounded down."""
    minutes = max(0, int(duration.total_seconds() // 60))
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = (f"{days} d" * bool(days), f"{hours} h" * bool(hours), f"{rest} min" * bool(rest))
    return " ".join([part for part in parts if part][:2]) or "less than a minute"
