"""What one turn of the event loop brought: read together, recorded with one write, and only then answered.

Called by `relay` with the bytes of every connection, and as the sink of the proxies' observers. One write
serves every message of the turn, and what goes to the receiver has left before any of it is read. It must
never hand an answer to a sender before the spool has its record, nor hold one back longer than the turn: see
docs/decisions/tap-encoding.md.
"""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

from .hops import Sink


class Connection(Protocol):
    """One side-by-side pair of connections."""

    def look(self, data: bytes, is_response: bool, now_ns: int) -> None:
        """Let the watcher see bytes that arrived at `now_ns`. Never raises."""
        ...

    def hand_on(self, data: bytes) -> None:
        """Give the sender bytes of the receiver."""
        ...


class Turn:
    """Collects, then flushes at the end of the turn."""

    def __init__(self, spool: Sink) -> None:
        self._spool = spool
        self._items: list[tuple[Connection, bytes, bool, int]] = []
        self._spans: dict[bytes, list[bytes]] = {}
        self._counts: dict[bytes, int] = {}
        self._scheduled = False

    def add(self, connection: Connection, data: bytes, is_response: bool) -> None:
        """Bytes that have arrived; a request's are on their way already."""
        self._items.append((connection, data, is_response, time.time_ns()))
        if not self._scheduled:
            self._schedule()

    def append(self, scope: bytes, encoded: bytes, count: int = 1) -> bool:
        """Take spans (the sink's side); they are in the spool when the turn ends."""
        found = self._spans.get(scope)
        if found is None:
            self._spans[scope] = [encoded]
            self._counts[scope] = count
        else:
            found.append(encoded)
            self._counts[scope] += count
        if not self._scheduled:
            self._schedule()
        return True

    def flush(self) -> None:
        """Read, record, answer. Also called when a connection ends, so that its last bytes are seen first."""
        items, self._items = self._items, []
        for connection, data, is_response, now_ns in items:
            connection.look(data, is_response, now_ns)
        self._record()
        for connection, data, is_response, _ in items:
            if is_response:
                connection.hand_on(data)

    def _record(self) -> None:
        if self._spans:
            spans, self._spans = self._spans, {}
            counts, self._counts = self._counts, {}
            for scope, encoded in spans.items():
                self._spool.append(scope, b"".join(encoded), counts[scope])

    def _schedule(self) -> None:
        self._scheduled = True
        asyncio.get_running_loop().call_soon(self._end)

    def _end(self) -> None:
        self._scheduled = False
        self.flush()
