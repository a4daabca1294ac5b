"""One question to the store per tick, whoever asks: walls, laptops and phones share the answer.

Called by the pages through `dashboard.app`. A failed look keeps the answer before it, with its age, so that a
board greys out instead of going blank. Must never run a query on the event loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar, cast

from tracing.store import StoreUnavailable

log = logging.getLogger(__name__)

T = TypeVar("T")
_KEEP = 256


@dataclass(frozen=True, slots=True)
class Snapshot(Generic[T]):
    """An answer and when it was true.  value: None before the first one; error: why it is not newer."""

    value: T | None
    taken_at: datetime | None
    asked_at: datetime
    error: str = ""


def _reason(error: Exception) -> str:
    if isinstance(error, StoreUnavailable):
        return "the store does not answer"
    return f"this could not be worked out ({type(error).__name__})"


class Feed:
    """Shared, single-flight, time-limited answers.

    clock: the time now, UTC; workers: threads that may ask at once (the store gives each its own handle).
    """

    def __init__(self, clock: Callable[[], datetime], workers: int = 2) -> None:
        self._clock = clock
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="dashboard")
        self._shots: dict[Hashable, Snapshot[Any]] = {}
        self._locks: dict[Hashable, asyncio.Lock] = {}
        self._renewing: dict[Hashable, asyncio.Task[object]] = {}

    async def get(
        self, key: Hashable, max_age_s: float, ask: Callable[[datetime], T], good_s: float = 0.0
    ) -> Snapshot[T]:
        """The answer to `ask(now)`, at most `max_age_s` old; older with `error` set when asking failed.

        good_s: an answer that is not older still serves while a new one is asked for, so that nobody waits.
        """
        shot = self._shots.get(key)
        if shot and (self._clock() - shot.asked_at).total_seconds() < max_age_s:
            return shot
        if shot and shot.taken_at and (self._clock() - shot.taken_at).total_seconds() < good_s:
            if key not in self._renewing:
                renewing = asyncio.create_task(self._renewed(key, max_age_s, ask))
                self._renewing[key] = renewing
                renewing.add_done_callback(lambda _: self._renewing.pop(key, None))
            return shot
        return await self._renewed(key, max_age_s, ask)

    async def _renewed(self, key: Hashable, max_age_s: float, ask: Callable[[datetime], T]) -> Snapshot[T]:
        async with self._locks.setdefault(key, asyncio.Lock()):
            shot = self._shots.get(key)
            now = self._clock()
            if shot and (now - shot.asked_at).total_seconds() < max_age_s:
                return shot
            try:
                value = await self.run(ask, now)
                shot = Snapshot(value, now, now)
            except Exception as error:
                # Whatever went wrong, the page lives on; the class says what, the text may hold data.
                log.warning("a dashboard query failed: %s", type(error).__name__)
                log.debug("the dashboard query that failed", exc_info=True)
                before = self._shots.get(key)
                shot = Snapshot(
                    before.value if before else None,
                    before.taken_at if before else None,
                    now,
                    _reason(error),
                )
            self._keep(key, shot)
            return cast("Snapshot[T]", shot)

    async def run(self, ask: Callable[..., T], *arguments: Any) -> T:
        """Runs `ask(*arguments)` on one of the feed's threads; its errors are the caller's."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: ask(*arguments))

    def close(self) -> None:
        """Ends the threads; answers under way are waited for."""
        self._pool.shutdown()

    def _keep(self, key: Hashable, shot: Snapshot[Any]) -> None:
        self._shots.pop(key, None)
        self._shots[key] = shot
        while len(self._shots) > _KEEP:
            oldest = next(iter(self._shots))
            del self._shots[oldest]
            self._locks.pop(oldest, None)
