"""A TCP relay that passes bytes unchanged both ways and lets a watcher look on.

Called by `run` for MLLP and HTTP interfaces alike. For each connection that comes in one goes out, so that
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
from typing import Protocol, cast

from collector.taps.turn import Turn

log = logging.getLogger("caretrail.tap")

HALF_CLOSED_SECONDS = 60.0
CONNECT_SECONDS = 10.0


class Watcher(Protocol):
    """Looks on at one connection. What it raises ends the watching, never the connection."""

    def request(self, data: bytes, now_ns: int) -> None:
        """Bytes from the sender, already on their way, that arrived at `now_ns`."""
        ...

    def response(self, data: bytes, now_ns: int) -> None:
        """Bytes from the receiver, not yet handed on: what is recorded now, is before the sender knows."""
        ...

    def response_ended(self) -> None:
        """The receiver has closed its side; the sender does not know yet."""
        ...

    def lost(self) -> None:
        """The connection is over."""
        ...

    @property
    def busy(self) -> bool:
        """Whether an answer is outstanding."""
        ...


@dataclass
class RelayCounters:
    """What happened on one interface since the process started."""

    connections: int = 0
    open: int = 0
    upstream_failures: int = 0
    watch_failures: int = 0


class Relay:
    """Listens for one interface. `new_watcher` is called for each connection."""

    def __init__(
        self,
        name: str,
        upstream: tuple[str, int],
        new_watcher: Callable[[], Watcher],
        turn: Turn,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.name = name
        self.upstream = upstream
        self.turn = turn
        self.tls = tls
        self.counters = RelayCounters()
        self.connections: set[Downstream] = set()
        self._new_watcher = new_watcher
        self._server: asyncio.Server | None = None
        self._upstream_down = False
        self._empty = asyncio.Event()
        self._empty.set()

    async def listen(self, host: str, port: int) -> tuple[str, int]:
        """Start to accept; the address that was bound. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Downstream(self, self._new_watcher()), host, port, reuse_address=True, backlog=512
        )
        bound = self._server.sockets[0].getsockname()
        return bound[0], bound[1]

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

    def watch_failed(self, error: Exception) -> None:
        """Note a watcher that broke; its connection goes on unwatched."""
        self.counters.watch_failures += 1
        # The type alone: an exception's text may quote the message.
        log.error("interface %s: a connection passes unread after %s", self.name, type(error).__name__)


class Downstream(asyncio.Protocol):
    """The side of one connection that the sender opened."""

    def __init__(self, relay: Relay, watcher: Watcher) -> None:
        self._relay = relay
        self._turn = relay.turn
        self._watcher: Watcher | None = watcher
        self._transport: asyncio.Transport
        self._up: asyncio.Transport | None = None
        self._early = b""
        self._connecting: asyncio.Task[None] | None = None
        self._ended = False
        self._upstream_ended = False
        self._finishing = False
        self._idle: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's do not inherit from asyncio's
        self._relay.opened(self)
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        host, port = self._relay.upstream
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await loop.create_connection(
                    lambda: Upstream(self),
                    host,
                    port,
                    ssl=self._relay.tls,
                    server_hostname=host if self._relay.tls else None,
                )
        except (OSError, TimeoutError) as error:
            self._relay.upstream_failed(error)
            self._transport.abort()
            return
        self._relay.upstream_reached()

    def upstream_made(self, transport: asyncio.Transport) -> None:
        """The receiver is connected: let the sender speak."""
        if self._transport.is_closing():
            transport.abort()
            return
        self._up = transport
        self._transport.resume_reading()
        early, self._early = self._early, b""
        if early:
            self.data_received(early)
        if self._ended:
            self.eof_received()

    def data_received(self, data: bytes) -> None:
        up = self._up
        if up is None or up.is_closing():
            if not self._upstream_ended:
                # Still connecting. To pause in `connection_made` is no use: uvloop starts to read after it.
                self._early += data
                self._transport.pause_reading()
            return
        up.write(data)
        if self._watcher is not None:
            self._turn.requested(self, data)

    def upstream_data(self, data: bytes) -> None:
        """Bytes from the receiver."""
        self._turn.answered(self, data)

    def request(self, data: bytes, now_ns: int) -> None:
        """Let the watcher see what came from the sender at `now_ns`."""
        if self._watcher is not None:
            try:
                self._watcher.request(data, now_ns)
            except Exception as error:  # fail open
                self._unwatch(error)

    def response(self, data: bytes, now_ns: int) -> None:
        """Let the watcher see what came from the receiver at `now_ns`."""
        if self._watcher is not None:
            try:
                self._watcher.response(data, now_ns)
            except Exception as error:  # fail open
                self._unwatch(error)

    def hand_on(self, data: bytes) -> None:
        """Give the sender what the receiver said."""
        if not self._transport.is_closing():
            self._transport.write(data)
            if self._finishing:
                self.finish()

    def eof_received(self) -> bool:
        self._ended = True
        if self._up is None:
            return not self._upstream_ended  # still connecting: passed on when connected
        if not self._up.can_write_eof():  # TLS has no half-closed state
            return False
        self._up.write_eof()
        self._wait_for_the_other_side()
        return not self._upstream_ended  # answers may still come

    def upstream_eof(self) -> bool:
        """The receiver has closed its side."""
        self._upstream_ended = True
        self._turn.flush()
        if self._watcher is not None:
            try:
                self._watcher.response_ended()
            except Exception as error:  # fail open
                self._unwatch(error)
        if self._ended or not self._transport.can_write_eof():
            self._transport.close()
            return False
        self._transport.write_eof()
        self._wait_for_the_other_side()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._turn.flush()
        self._relay.closed(self)
        if self._idle is not None:
            self._idle.cancel()
        if self._connecting is not None and not self._connecting.done():
            self._connecting.cancel()
        if self._up is not None:
            # A clean end goes on as one; a broken connection is broken for the receiver too.
            self._up.close() if exc is None else self._up.abort()
        if self._watcher is not None:
            try:
                self._watcher.lost()
            except Exception as error:
                self._unwatch(error)

    def upstream_lost(self, exc: Exception | None) -> None:
        """The receiver's connection is over: so is the sender's, after what was answered has gone out."""
        self._turn.flush()
        self._up = None
        self._upstream_ended = True
        if exc is None:
            self._transport.close()
        else:
            self._transport.abort()

    def pause_writing(self) -> None:
        if self._up is not None and not self._up.is_closing():
            self._up.pause_reading()

    def resume_writing(self) -> None:
        if self._up is not None and not self._up.is_closing():
            self._up.resume_reading()

    def pause_sender(self) -> None:
        """The receiver does not keep up."""
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_sender(self) -> None:
        """The receiver keeps up again."""
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def finish(self) -> None:
        """Close as soon as no answer is outstanding."""
        self._finishing = True
        if self._watcher is None or not self._watcher.busy:
            self._transport.close()

    def abort(self) -> None:
        """Close now."""
        self._transport.abort()

    def _wait_for_the_other_side(self) -> None:
        if self._idle is None:
            self._idle = asyncio.get_running_loop().call_later(HALF_CLOSED_SECONDS, self._transport.abort)

    def _unwatch(self, error: Exception) -> None:
        self._watcher = None
        self._relay.watch_failed(error)


class Upstream(asyncio.Protocol):
    """The side of one connection that the tap opened."""

    def __init__(self, down: Downstream) -> None:
        self._down = down

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._down.upstream_made(cast(asyncio.Transport, transport))

    def data_received(self, data: bytes) -> None:
        self._down.upstream_data(data)

    def eof_received(self) -> bool:
        return self._down.upstream_eof()

    def connection_lost(self, exc: Exception | None) -> None:
        self._down.upstream_lost(exc)

    def pause_writing(self) -> None:
        self._down.pause_sender()

    def resume_writing(self) -> None:
        self._down.resume_sender()
