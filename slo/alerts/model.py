"""What an alert is: a name, labels that make its identity, a count and a sentence.

Made by `slo.alerts.conditions`, followed by `slo.alerts.states`, sent by `slo.alerts.delivery`. Labels and
texts hold names of workflows, steps, interfaces and taps and counts only: nothing that belongs to a patient.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Severity = Literal["page", "ticket", "none"]
Event = Literal["started", "firing", "cleared"]


@dataclass(frozen=True)
class Alert:
    """One condition that holds. `labels` are its identity; `affected` counts encounters (0: not about
    any).
    """

    name: str
    severity: Severity
    labels: tuple[tuple[str, str], ...]
    summary: str
    affected: int = 0
    link: str = ""
    notes: tuple[tuple[str, str], ...] = ()
    """Besides: `owner`, `runbook_url`. Not part of its identity."""

    @property
    def id(self) -> str:
        """Stable identity from name and labels, 16 hexadecimal digits."""
        text = json.dumps([self.name, sorted(self.labels)])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Notice:
    """One thing to tell: that an alert started, still fires (for receivers that need it again), or cleared.

    `ends` is None unless it cleared.
    """

    event: Event
    alert: Alert
    starts: datetime
    ends: datetime | None = None


@dataclass(frozen=True)
class Tracked:
    """An alert the state machine follows: since when it held, last held, was told of, and when told last."""

    alert: Alert
    since: datetime
    held_at: datetime
    started: datetime | None = None
    told_at: datetime | None = None


@dataclass(frozen=True)
class Watch:
    """Everything the state machine remembers between two looks: the tracked alerts by identity."""

    tracked: dict[str, Tracked] = field(default_factory=dict)

    @property
    def firing(self) -> list[Tracked]:
        """The alerts people have been told of, oldest first."""
        on = [one for one in self.tracked.values() if one.started]
        return sorted(on, key=lambda one: (one.since, one.alert.id))
