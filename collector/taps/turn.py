"""What one turn of the event loop brought: recorded with one write, and only then answered.

Called by `relay` with the answers of every connection, and as the sink of the proxies' observers. It must
never hand an answer to a sender before the spool has its record, nor hold one back longer than the turn: see
docs/decisions/tap-encoding.md.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from collector.taps.hops import Sink


class Connection(Protocol):
    """One side-by-side pair of connections."""

    def hand_on(self, data: bytes) -> None:
        """Give the sender bytes of the receiver."""
        ...


class Turn:
    """Collects, then flushes at the end of the turn."""

    def __init__(self, spool: Sink) -> None:
        self._spool = spool
        self._answers: list[tuple[Connection, bytes]] = []
        self._spans: dict[bytes, list[bytes]] = {}
        self._counts: dict[bytes, int] = {}
        self._scheduled = False

    def answer(self, connection: Connection, data: bytes) -> None:
        """Bytes of the receiver whose spans, if they complete any, have been appended."""
        self._answers.append((connection, data))
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
        """Record, answer. Also called when a connection ends, so that its last bytes leave first."""
        if self._spans:
            spans, self._spans = self._spans, {}
            counts, self._counts = self._counts, {}
            for scope, encoded in spans.items():
                self._spool.append(scope, b"".join(encoded), counts[scope])
        answers, self._answers = self._answers, []
        for connection, data in answers:
            connection.hand_on(data)

    def _schedule(self) -> None:
        self._scheduled = True
        asyncio.get_running_loop().call_soon(self._end)

    def _end(self) -> None:
        self._scheduled = False
        self.flush()
