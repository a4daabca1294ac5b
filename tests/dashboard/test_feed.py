"""One question per tick for everybody, and the last answer when there is no new one."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta

from dashboard.feed import Feed, Snapshot


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 3, 10, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def test_many_watchers_ask_the_store_once_per_tick() -> None:
    asked: list[datetime] = []

    def ask(now: datetime) -> int:
        time.sleep(0.02)
        asked.append(now)
        return len(asked)

    async def watch() -> None:
        clock = Clock()
        feed = Feed(clock)
        first = await asyncio.gather(*(feed.get("board", 2.0, ask) for _ in range(50)))
        assert {shot.value for shot in first} == {1}
        clock.now += timedelta(seconds=2)
        assert (await feed.get("board", 2.0, ask)).value == 2
        assert (await feed.get("another", 2.0, ask)).value == 3
        feed.close()

    asyncio.run(watch())
    assert len(asked) == 3


def test_an_answer_that_is_still_good_is_shown_while_the_next_is_worked_out() -> None:
    answered = threading.Event()

    def ask(now: datetime) -> datetime:
        if now > began:
            answered.wait(30)
        return now

    async def watch() -> list[datetime | None]:
        feed = Feed(clock)

        async def look() -> datetime | None:
            return (await feed.get("board", 1.0, ask, good_s=10.0)).value

        seen = [await look()]
        clock.now += timedelta(seconds=2)
        # Two look, one question is under way, nobody waits for it.
        seen += [await look(), await look()]
        assert not answered.is_set()
        clock.now += timedelta(seconds=20)
        waiting = asyncio.create_task(look())
        await asyncio.sleep(0.05)
        assert not waiting.done()
        answered.set()
        seen.append(await waiting)
        feed.close()
        return seen

    clock = Clock()
    began = clock.now
    first, second, third, last = asyncio.run(watch())
    assert (first, second, third) == (began, began, began)
    assert last is not None
    assert last > began


def test_a_failed_look_keeps_the_last_answer_and_says_how_old_it_is() -> None:
    clock = Clock()
    began = clock.now

    def ask(now: datetime) -> str:
        if now > began:
            raise OSError("a text that may name a patient")
        return "fine"

    async def watch() -> Snapshot[str]:
        feed = Feed(clock)
        await feed.get("board", 1.0, ask)
        clock.now += timedelta(seconds=30)
        shot = await feed.get("board", 1.0, ask)
        feed.close()
        return shot

    shot = asyncio.run(watch())
    assert shot.value == "fine"
    assert shot.taken_at == began
    assert "OSError" in shot.error
    assert "patient" not in shot.error


def test_old_questions_are_forgotten() -> None:
    async def watch() -> int:
        feed = Feed(Clock())
        for number in range(400):
            await feed.get(number, 1.0, lambda now: 0)
        feed.close()
        return len(feed._shots)

    assert asyncio.run(watch()) == 256
