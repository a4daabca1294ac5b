"""The definition behind every figure, shown one click away from it. Data only."""

from __future__ import annotations

from slo.kpis import incidents, movers
from slo.kpis.model import Definition

ON_TIME = Definition(
    "Of the encounters decided in the period, the share whose every step that applies was done by "
    "its deadline. "
    "An encounter is decided when its last step is done in time, or at the first deadline that "
    "passes without "
    "its step; what never arrived counts as missed. Cancelled encounters do not count.",
    "in time / (in time + missed a deadline)",
    "sql/on_time.sql",
)
CYCLE_MEDIAN = Definition(
    "Half of the encounters took no longer than this from their start to the last step of the "
    "workflow, among "
    "those whose last step was done in the period, late ones included. Encounters that never got "
    "there have no "
    "cycle time; they show in the on-time rate.",
    "median(last step - start)",
    "sql/cycle_time.sql",
)
CYCLE_P90 = Definition(
    "Nine of ten encounters took no longer than this from their start to the last step of the "
    "workflow, among "
    "those whose last step was done in the period, late ones included.",
    "90th percentile(last step - start)",
    "sql/cycle_time.sql",
)
_TROUBLED = (
    f"An hour is troubled when at least {incidents.AT_LEAST} encounters missed a deadline in it or "
    "were refused "
    f"with nothing after, and these were at least {incidents.SHARE:.0%} of all decided in it."
)
INCIDENTS = Definition(
    f"Runs of consecutive troubled hours. {_TROUBLED}",
    "count(runs of consecutive troubled hours)",
    "sql/trouble_hours.sql",
)
LONGEST_INCIDENT = Definition(
    f"The longest run of consecutive troubled hours, measured in whole hours. {_TROUBLED}",
    "max(end of the last hour - start of the first)",
    "sql/trouble_hours.sql",
)
AFFECTED = Definition(
    f"Encounters that ran into trouble in troubled hours. {_TROUBLED}",
    "sum(encounters in trouble in troubled hours)",
    "sql/trouble_hours.sql",
)
MOVERS = Definition(
    f"A step or facility is listed when at least {movers.ENOUGH} encounters were decided in each period, its "
    f"on-time share changed by at least {movers.NOTABLE * 100:.0f} point, and chance alone would "
    "change it so "
    "much less than once in a hundred times. A step counts by its own deadline, a facility by whole "
    "encounters.",
    f"|share - share before| / standard error >= {movers.UNLIKELY}",
    "sql/movers.sql",
)
