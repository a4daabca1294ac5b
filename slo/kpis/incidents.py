"""From troubled hours to incidents: a pure function, called by `slo.kpis.executive`.

A single late encounter is no incident; several in one hour that are more than a trickle of those decided are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from slo.kpis.model import Incident

HOUR = timedelta(hours=1)
#: An hour is troubled when so many encounters ran into trouble in it …
AT_LEAST = 3
#: … and they were this share of all that were decided in it.
SHARE = 0.1


@dataclass
class _Hour:
    in_time: int = 0
    steps: Counter[str] = field(default_factory=Counter)

    @property
    def troubled(self) -> bool:
        hit = self.steps.total()
        return hit >= AT_LEAST and hit >= SHARE * (hit + self.in_time)


def incidents(rows: Iterable[tuple[datetime, str, int]]) -> list[Incident]:
    """Incidents from rows of (hour, step, encounters), an empty step counting those in time; oldest first.

    Consecutive troubled hours are one incident. It lasts whole hours, as that is how finely it is measured.
    """
    hours: dict[datetime, _Hour] = {}
    for hour, step, encounters in rows:
        entry = hours.setdefault(hour, _Hour())
        if step:
            entry.steps[step] += encounters
        else:
            entry.in_time += encounters
    found: list[Incident] = []
    steps: Counter[str] = Counter()
    for hour in sorted(one for one, entry in hours.items() if entry.troubled):
        if found and found[-1].until == hour:
            steps += hours[hour].steps
            found[-1] = _incident(found[-1].first, hour, steps)
        else:
            steps = Counter(hours[hour].steps)
            found.append(_incident(hour, hour, steps))
    return found


def _incident(first: datetime, last_hour: datetime, steps: Counter[str]) -> Incident:
    worst = min(steps, key=lambda step: (-steps[step], step))
    return Incident(first, last_hour + HOUR, steps.total(), worst)
