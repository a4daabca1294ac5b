"""The hospital's only clock: what is to be done when, run through at once (history) or in real time (live).

Every system puts its future work here. Running history and then living on the same agenda is what makes
encounters in flight carry over without a seam.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from heapq import heappop, heappush

Action = Callable[[], None]


class Clock:
    """The time while living. `speed` above 1 lets a test see minutes in seconds."""

    def __init__(self, speed: float = 1.0, start: float | None = None) -> None:
        self._speed = speed
        self._began = time.time()
        self._start = self._began if start is None else start

    def now(self) -> float:
        """Unix seconds."""
        return self._start + (time.time() - self._began) * self._speed

    async def sleep(self, seconds: float) -> None:
        """Sleep these seconds of this clock."""
        await asyncio.sleep(self.real(seconds))

    def real(self, seconds: float) -> float:
        """How long these seconds of this clock really take."""
        return seconds / self._speed


class Agenda:
    """A heap of actions by Unix seconds; equal times run in the order in which they were put in."""

    def __init__(self, start: float) -> None:
        self._now = start
        self._clock: Clock | None = None
        self._heap: list[tuple[float, int, Action]] = []
        self._count = 0
        self._changed: asyncio.Event | None = None

    @property
    def now(self) -> float:
        """Unix seconds: the time of the running action in history, the clock's while live."""
        return self._clock.now() if self._clock else self._now

    def at(self, when: float, action: Action) -> None:
        """Do `action` at `when`; a time that is past means as soon as possible."""
        heappush(self._heap, (when, self._count, action))
        self._count += 1
        if self._changed is not None and self._heap[0][1] == self._count - 1:
            self._changed.set()

    def run_until(self, end: float) -> None:
        """Do everything planned before `end`, jumping from time to time."""
        heap = self._heap
        while heap and heap[0][0] < end:
            when, _, action = heappop(heap)
            self._now = max(when, self._now)
            action()
        self._now = max(end, self._now)

    async def run_live(self, clock: Clock) -> None:
        """Do everything at its time by `clock`, until cancelled."""
        self._clock = clock
        self._changed = asyncio.Event()
        while True:
            self._changed.clear()
            while self._heap and self._heap[0][0] <= self.now:
                heappop(self._heap)[2]()
                # A backlog after a slow start must not keep the sockets waiting.
                await asyncio.sleep(0)
            wait = clock.real(self._heap[0][0] - self.now) if self._heap else 3600.0
            with suppress(TimeoutError):
                async with asyncio.timeout(min(wait, 3600.0)):
                    await self._changed.wait()
