"""Planned maintenance: a stretch of time in which silence or lateness is expected.

Alerts are muted while a window covers them; objectives take their corrections from the store instead, because
those can be entered afterwards. A window never changes what was judged.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Maintenance:
    """One window from `starts` (included) to `ends` (not included); empty scopes cover everything."""

    name: str
    starts: datetime
    ends: datetime
    workflows: frozenset[str] = frozenset()
    interfaces: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.starts.tzinfo is None or self.ends.tzinfo is None:
            raise ValueError(f"maintenance {self.name!r}: times must carry a time zone")
        if self.ends <= self.starts:
            raise ValueError(f"maintenance {self.name!r}: must end after it starts")

    def covers(self, at: datetime, workflow: str = "", interface: str = "") -> bool:
        """Whether the window is on at `at` and its scope includes the named workflow or interface."""
        if not self.starts <= at < self.ends:
            return False
        if not self.workflows and not self.interfaces:
            return True
        return workflow in self.workflows or interface in self.interfaces


def covering(
    windows: Iterable[Maintenance], at: datetime, workflow: str = "", interface: str = ""
) -> Maintenance | None:
    """The first window that covers, or None."""
    return next((window for window in windows if window.covers(at, workflow, interface)), None)
