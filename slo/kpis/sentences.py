"""Values and changes in words, for the sentence below every figure. Pure functions."""

from __future__ import annotations

from datetime import timedelta

from slo.calendars.spoken import span
from slo.kpis.model import Better, Unit


def spell(value: float | None, unit: Unit) -> str:
    """A value with its unit as people read it: `97.2 %`, `1 d 4 h`, `12`; `no data` for None."""
    if value is None:
        return "no data"
    if unit == "ratio":
        return f"{value * 100:.1f} %"
    if unit == "seconds":
        return span(timedelta(seconds=value)) if value else "none"
    return f"{value:,.0f}"


def sentence(
    what: str,
    unit: Unit,
    better: Better,
    value: float | None,
    previous: float | None,
    target: float | None,
    days: int,
) -> str:
    """`what` with its value filled in at `{}`, the period before, and whether the target is met."""
    if value is None:
        return f"Nothing was decided in the last {days} days, so this is not known."
    text = what.format(spell(value, unit))
    text += f"; {spell(previous, unit)} in the {days} days before" if previous is not None else ""
    if target is None:
        return f"{text}."
    met = value >= target if better == "higher" else value <= target
    return f"{text}. Target {spell(target, unit)}: {'met' if met else 'missed'}."
