"""Follows the messages of chosen channels: reads new ones, and those that waited until they are done.

Called by the poller after each look. Where it stands is kept in a file; a message that is read twice gives
the same span. It must never go on before what it read is durable.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

from collector.engines import messages, mirth
from collector.engines.config import EngineMessages
from tracing.keys import Sealer

log = logging.getLogger("caretrail.engines")

MOST_PAGES = 20
"""Pages of one channel in one look; the next look goes on."""


class Asked(Protocol):
    """An engine that answers: `client.Client`."""

    def get(self, path: str) -> Any: ...


class Follower:
    """The messages of one engine. `keep` makes spans durable, or raises."""

    def __init__(
        self,
        engine: str,
        wanted: EngineMessages,
        sealer: Sealer,
        keep: Callable[[bytes], None],
        state_file: Path,
    ) -> None:
        self._engine = engine
        self._wanted = wanted
        self._sealer = sealer
        self._keep = keep
        self._state_file = state_file
        self._reached: dict[str, int] = self._load()
        self._told: dict[str, dict[int, str]] = {}

    def follow(self, client: Asked, channels: Iterable[tuple[str, str]]) -> int:
        """Read the named ones of `channels` (ID, name); the number of spans made durable.

        Raises as `client` and `keep` do.
        """
        return sum(
            self._channel(client, channel_id, name)
            for channel_id, name in channels
            if name in self._wanted.channels
        )

    def _channel(self, client: Asked, channel_id: str, name: str) -> int:
        newest = _number(client.get(f"/channels/{channel_id}/messages/maxMessageId"))
        if newest is None:
            return 0
        page = self._wanted.page
        again = channel_id in self._reached and channel_id not in self._told
        told = self._told.setdefault(channel_id, {})
        # The first time, the last page: history is for archives.
        reached = self._reached.get(channel_id, newest - page)
        if reached > newest:  # the channel was emptied or made anew
            reached = 0
            told.clear()
        # Messages that were not done are looked at again, one page back at most.
        waiting = [number for number, outcome in told.items() if outcome == "none"]
        # After a start nobody knows which those were: the whole page.
        first = max(1 if again else min([reached + 1, *waiting]), reached - page + 1, 1)
        made = 0
        for _ in range(MOST_PAGES):
            if first > newest:
                break
            last = min(first + page - 1, newest)
            made += self._page(client, channel_id, name, first, last, told)
            reached, first = max(reached, last), last + 1
        self._reached[channel_id] = reached
        for number in [number for number in told if number <= reached - page]:
            del told[number]
        if made:
            self._note()
        return made

    def _page(
        self, client: Asked, channel_id: str, name: str, first: int, last: int, told: dict[int, str]
    ) -> int:
        query = f"minMessageId={first}&maxMessageId={last}&limit={self._wanted.page}&offset=0"
        document = client.get(f"/channels/{channel_id}/messages?includeContent=false&{query}")
        fresh = [one for one in messages.read(document) if told.get(one.message_id) != one.outcome]
        if fresh:
            bodies = [
                messages.encode(one, self._engine, channel_id, name, self._wanted, self._sealer)
                for one in fresh
            ]
            self._keep(b"".join(bodies))
            told.update((one.message_id, one.outcome) for one in fresh)
        return len(fresh)

    def _load(self) -> dict[str, int]:
        try:
            found = json.loads(self._state_file.read_bytes())
            return {str(name): int(number) for name, number in found.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, AttributeError):
            log.error("engine %s: which messages were read is not known any more", self._engine)
            return {}

    def _note(self) -> None:
        temporary = self._state_file.with_suffix(".new")
        try:
            self._state_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            temporary.write_text(json.dumps(self._reached))
            os.replace(temporary, self._state_file)
        except OSError as error:
            log.error("engine %s: what was read cannot be noted: %s", self._engine, error.strerror)


def _number(document: Any) -> int | None:
    """A number on its own, or in `{"long": n}`."""
    if isinstance(document, dict):
        document = document.get("long")
    found = mirth.whole(document, -1)
    return found if found >= 0 else None
