"""A TCP relay that passes bytes unchanged both ways and lets a watcher look on.

Called by `proxy` for MLLP and HTTP interfaces alike. For each connection that comes in one goes out, so that
order is kept and the fate of both is one: what breaks on one side breaks on the other, and nobody is told
that a message arrived unless its receiver said so. It must never change, answer or re-send a byte.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from collector.taps.relay_sides import Downstream, Rewriter, Rewriting, Watcher
from collector.taps.turn import Turn

__all__ = ["Relay", "RelayCounters", "Secured", "Watcher"]

log = logging.getLogger("caretrail.tap")

HANDSHAKE_SECONDS = 15.0


@dataclass(frozen=True)
class Secured:
    """How the two sides are protected, who may come in, and when silence means that an end is gone."""

    listen: ssl.SSLContext | None = None
    upstream: ssl.SSLContext | None = None
    server_name: str = ""
    """Whom the receiver's certificate names; empty: its host."""
    allowed: Callable[[str], bool] | None = None
    """Whether a source address may connect; None: any may."""
    keepalive: float = 60.0


@dataclass
class RelayCounters:
    """What happened on one interface since the process started."""

    connections: int = 0
    open: int = 0
    refused: int = 0
    upstream_failures: int = 0
    watch_failures: int = 0
    unseen: int = 0


class Relay:
    """Listens for one interface. `new_watcher` is called for each connection."""

    def __init__(
        self,
        name: str,
        upstream: tuple[str, int],
        new_watcher: Callable[[], Watcher],
        turn: Turn,
        tls: ssl.SSLContext | None = None,
        *,
        secured: Secured | None = None,
        rewrites: bool = False,
        units: Callable[[bytes], int] | None = None,
    ) -> None:
        """`rewrites`: the watchers are `Rewriter`s. `units` counts the messages in bytes that go unread."""
        self.name = name
        self.upstream = upstream
        self.turn = turn
        self.secured = secured or Secured(upstream=tls)
        self.keepalive = self.secured.keepalive
        self._rewrites = rewrites
        self._units = units
        self.counters = RelayCounters()
        self.connections: set[Downstream] = set()
        self.new_watcher = new_watcher
        self._server: asyncio.Server | None = None
        self._upstream_down = False
        self.watching = True
        self._empty = asyncio.Event()
        self._empty.set()

    async def listen(self, host: str, port: int) -> tuple[str, int]:
        """Start to accept; the address that was bound. Raises OSError."""
        loop = asyncio.get_running_loop()
        secure = self.secured.listen
        self._server = await loop.create_server(
            self._side,
            host,
            port,
            reuse_address=True,
            backlog=512,
            ssl=secure,
            ssl_handshake_timeout=HANDSHAKE_SECONDS if secure else None,
        )
        bound = self._server.sockets[0].getsockname()
        return bound[0], bound[1]

    async def connect(self, factory: Callable[[], asyncio.Protocol]) -> None:
        """Connect to the receiver. Raises OSError, of which a certificate that does not verify is one."""
        host, port = self.upstream
        secure = self.secured.upstream
        await asyncio.get_running_loop().create_connection(
            factory,
            host,
            port,
            ssl=secure,
            server_hostname=(self.secured.server_name or host) if secure else None,
        )

    def admits(self, transport: asyncio.BaseTransport) -> bool:
        """Whether the source of a connection may use this interface; counted where it may not."""
        if self.secured.allowed is None:
            return True
        peer = transport.get_extra_info("peername")
        if peer and self.secured.allowed(peer[0]):
            return True
        self.counters.refused += 1
        return False

    async def drain(self, seconds: float) -> None:
        """Accept nothing new, let outstanding answers come for at most `seconds`, then close."""
        if self._server is not None:
            self._server.close()
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        for connection in list(self.connections):
            connection.finish()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, end - loop.time())):
                await self._empty.wait()
        for connection in list(self.connections):
            connection.abort()
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await self._empty.wait()

    def opened(self, connection: Downstream) -> None:
        """A connection has come in."""
        self.counters.connections += 1
        self.counters.open += 1
        self.connections.add(connection)
        self._empty.clear()

    def closed(self, connection: Downstream) -> None:
        """It is over."""
        self.counters.open -= 1
        self.connections.discard(connection)
        if not self.connections:
            self._empty.set()

    def upstream_failed(self, error: BaseException) -> None:
        """Note a connection that could not be made: in the log once per outage."""
        self.counters.upstream_failures += 1
        if not self._upstream_down:
            self._upstream_down = True
            log.warning(
                "interface %s: the receiver cannot be reached (%s); its senders' connections are closed",
                self.name,
                type(error).__name__,
            )

    def upstream_reached(self) -> None:
        """Note that the receiver is there."""
        if self._upstream_down:
            self._upstream_down = False
            log.warning("interface %s: the receiver is back", self.name)

    def passed_unread(self, data: bytes) -> None:
        """Note bytes that nobody looked at."""
        if self._units is not None:
            self.counters.unseen += self._units(data)

    def watch_failed(self, error: Exception) -> None:
        """Note a watcher that broke; its connection goes on unwatched for a while."""
        self.counters.watch_failures += 1
        # The type alone: an exception's text may quote the message.
        log.error("interface %s: a connection passes unread after %s", self.name, type(error).__name__)

    def spare(self, sparing: bool) -> None:
        """Look at no connection while there is no memory for it."""
        self.watching = not sparing
        if sparing:
            for connection in list(self.connections):
                connection.unwatch(MemoryError())

    def _side(self) -> Downstream:
        watcher = self.new_watcher()
        side = Rewriting(self, cast(Rewriter, watcher)) if self._rewrites else Downstream(self, watcher)
        if not self.watching:
            side.unwatch(MemoryError())
        return side
