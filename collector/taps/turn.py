"""What one turn of the event loop brought: read together, recorded with one write, and only then answered.

Called by `relay` with the bytes of every connection, and as the sink of the proxies' observers. One write
serves every message of the turn, and what goes to the receiver has left before any of it is read. It must
never hand an answer to a sender before the spool has its record, nor hold one back longer than the turn: see
docs/decisions/tap-encoding.md.
"""

from __future__ import annotations

import asyncio
from time import time_ns
from typing import Protocol

from collector.taps.hops import Sink

MAX_WRITE = 16 << 20


class Connection(Protocol):
    """One side-by-side pair of connections."""

    def request(self, data: bytes, now_ns: int) -> None:
        """Let the watcher see bytes of the sender that arrived at `now_ns`. Never raises."""
        ...

    def response(self, data: bytes, now_ns: int) -> None:
        """Let the watcher see bytes of the receiver that arrived at `now_ns`. Never raises."""
        ...

    def hand_on(self, data: bytes) -> None:
        """Give the sender bytes of the receiver."""
        ...


class Turn:
    """Collects, then flushes at the end of the turn."""

    def __init__(self, spool: Sink) -> None:
        self._spool = spool
        self._items: list[tuple[Connection, bytes, int, bool]] = []
        self._spans: dict[bytes, list[bytes]] = {}
        self._counts: dict[bytes, int] = {}
        self._scheduled = False

    def requested(self, connection: Connection, data: bytes) -> None:
        """Bytes of a sender; they are on their way already."""
        self._items.append((connection, data, time_ns(), False))
        if not self._scheduled:
            self._schedule()

    def answered(self, connection: Connection, data: bytes) -> None:
        """Bytes of a receiver, which its sender has not yet."""
        self._items.append((connection, data, time_ns(), True))
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
        for connection, data, now_ns, is_answer in items:
            if is_answer:
                connection.response(data, now_ns)
            else:
                connection.request(data, now_ns)
        if self._spans:
            spans, self._spans = self._spans, {}
            counts, self._counts = self._counts, {}
            for scope, encoded in spans.items():
                joined = b"".join(encoded)
                if len(joined) > MAX_WRITE:
                    self._write_singly(scope, encoded, counts[scope])
                else:
                    self._spool.append(scope, joined, counts[scope])
        for connection, data, _, is_answer in items:
            if is_answer:
                connection.hand_on(data)

    def _write_singly(self, scope: bytes, encoded: list[bytes], count: int) -> None:
        """Captured bodies can make a turn longer than the spool takes at once."""
        for one in encoded[:-1]:
            self._spool.append(scope, one)
        self._spool.append(scope, encoded[-1], count - len(encoded) + 1)

    def _schedule(self) -> None:
        self._scheduled = True
        asyncio.get_running_loop().call_soon(self._end)

    def _end(self) -> None:
        self._scheduled = False
        self.flush()
