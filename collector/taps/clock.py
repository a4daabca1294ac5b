"""How far a tap's clock is ahead of its collector's, from the times of its own requests.

The sender hands in four times of each answered request, as NTP does (RFC 5905 section 8): the difference is
exact to half of what the way there and back took. Of a minute's requests the quickest says most, and a status
span carries it. Spans that wait in the spool, or are replayed years later, change nothing here.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass

#: Header of every answer of the collector: when it had the request and when it answered, in Unix seconds.
HEADER = "caretrail-time"


@dataclass(frozen=True, slots=True)
class Reading:
    """`ahead_ms` is positive when the tap's clock is ahead; true within `within_ms` either way."""

    ahead_ms: int
    within_ms: int
    samples: int


class Clock:
    """Gathers requests of one sender; any thread may take the reading."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._best = (math.inf, 0.0)
        self._samples = 0

    def add(self, sent: float, answered: float, header: str | None) -> None:
        """One request: when it was sent and answered by this clock, and the answer's header."""
        times = _times(header)
        if times is None:
            return
        received, replied = times
        way = max(0.0, (answered - sent) - (replied - received))
        ahead = ((sent - received) + (answered - replied)) / 2
        with self._lock:
            self._best = min(self._best, (way, ahead))
            self._samples += 1

    def take(self) -> Reading | None:
        """What was learned since the last time; None when nothing was."""
        with self._lock:
            (way, ahead), samples = self._best, self._samples
            self._best, self._samples = (math.inf, 0.0), 0
        return Reading(round(ahead * 1000), math.ceil(way * 500), samples) if samples else None


def _times(header: str | None) -> tuple[float, float] | None:
    try:
        received, replied = map(float, (header or "").split())
    except ValueError:
        return None
    return (received, replied) if math.isfinite(received) and received <= replied < math.inf else None
