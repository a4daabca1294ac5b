"""The two sides of one relayed connection: what happens on one happens on the other.

Made by `relay.Relay` for each connection that comes in. Bytes must never be changed, answered or sent again,
except by `Rewriting`, which an interface has to ask for.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from contextlib import suppress
from time import time_ns
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from collector.taps.relay import Relay

HALF_CLOSED_SECONDS = 60.0
CONNECT_SECONDS = 10.0
#: How long a connection passes unread after its watcher broke; twice as long each time, an hour at most.
UNWATCHED_SECONDS = 30.0
_UNWATCHED_AT_MOST = 3600.0
_SILENCE_SECONDS = 1.0
_PROBES = 4


class Watcher(Protocol):
    """Looks on at one connection. What it raises ends the watching for a while, never the connection."""

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


class Rewriter(Watcher, Protocol):
    """A watcher that says what goes on in place of what came. It must never raise, nor lose a byte."""

    def rewrite(self, data: bytes, now_ns: int) -> bytes:
        """What to send to the receiver now that `data` has arrived."""
        ...

    def release(self) -> bytes:
        """What is held back of an unfinished message, as it came: there will be no more of it."""
        ...


def keep_alive(transport: asyncio.BaseTransport, seconds: float) -> None:
    """Let the kernel find out that the other end is gone: probes after `seconds` of silence, 0 for none.

    After four of them, each a quarter as long after the last, the connection breaks.
    """
    endpoint = transport.get_extra_info("socket")
    if endpoint is None or seconds <= 0:
        return
    between = max(1, int(seconds / _PROBES))
    with suppress(OSError):  # not a TCP socket, or gone already
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if sys.platform == "linux":
            endpoint.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, max(1, int(seconds)))
            endpoint.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, between)
            endpoint.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _PROBES)


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
        self._refused = False
        self._idle: asyncio.TimerHandle | None = None
        self._unwatched_for = UNWATCHED_SECONDS
        self._unwatched_until = 0.0
        self._heard = 0.0
        self._answered = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's do not inherit from asyncio's
        if not self._relay.admits(transport):
            self._refused = True
            self._transport.abort()
            return
        self._relay.opened(self)
        keep_alive(transport, self._relay.keepalive)
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._relay.connect(lambda: Upstream(self))
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
        keep_alive(transport, self._relay.keepalive)
        self._transport.resume_reading()
        early, self._early = self._early, b""
        if early:
            self.data_received(early)
        if self._ended:
            self.eof_received()

    def data_received(self, data: bytes) -> None:
        up = self._up
        if up is None:
            if not self._upstream_ended and not self._refused:
                # Still connecting. To pause in `connection_made` is no use: uvloop starts to read after it.
                self._early += data
                self._transport.pause_reading()
            return
        up.write(data)
        if self._watcher is not None or self._watched_again():
            self._turn.requested(self, data)
        else:
            self._relay.passed_unread(data)

    def upstream_data(self, data: bytes) -> None:
        """Bytes from the receiver."""
        if self._watcher is None:
            self._answered = True
            self._heard = asyncio.get_running_loop().time()
        self._turn.answered(self, data)

    def request(self, data: bytes, now_ns: int) -> None:
        """Let the watcher see what came from the sender at `now_ns`."""
        if self._watcher is not None:
            try:
                self._watcher.request(data, now_ns)
            except Exception as error:  # fail open
                self._relay.passed_unread(data)
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
            self._turn.flush()
            self.finish()
            return not self._transport.is_closing()
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
        if self._refused:
            return
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

    def unwatch(self, error: Exception) -> None:
        """Pass the rest of this connection unread, because of `error`."""
        if self._watcher is not None:
            self._unwatch(error)

    def _wait_for_the_other_side(self) -> None:
        if self._idle is None:
            self._idle = asyncio.get_running_loop().call_later(HALF_CLOSED_SECONDS, self._transport.abort)

    def _unwatch(self, error: Exception) -> None:
        self._watcher = None
        self._answered = False
        self._unwatched_until = asyncio.get_running_loop().time() + self._unwatched_for
        self._unwatched_for = min(2 * self._unwatched_for, _UNWATCHED_AT_MOST)
        self._relay.watch_failed(error)

    def _watched_again(self) -> bool:
        """Whether what the sender says now may be read again: it begins something, as far as one can tell.

        That is after an answer, or after a silence, so that a new watcher does not start within a message.
        """
        now = asyncio.get_running_loop().time()
        begins = self._answered or now - self._heard >= _SILENCE_SECONDS
        self._answered, self._heard = False, now
        if not begins or now < self._unwatched_until or not self._relay.watching:
            return False
        self._take(self._relay.new_watcher())
        return True

    def _take(self, watcher: Watcher) -> None:
        self._watcher = watcher


class Rewriting(Downstream):
    """A side whose messages are changed on their way, because the interface says so."""

    def __init__(self, relay: Relay, watcher: Rewriter) -> None:
        super().__init__(relay, watcher)
        self._rewriter = watcher

    def data_received(self, data: bytes) -> None:
        up = self._up
        if up is None or (self._watcher is None and not self._watched_again()):
            super().data_received(data)
            return
        changed = self._rewriter.rewrite(data, time_ns())
        if changed:
            up.write(changed)

    def eof_received(self) -> bool:
        self._release()
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is None:
            self._release()
        super().connection_lost(exc)

    def _unwatch(self, error: Exception) -> None:
        self._release()
        super()._unwatch(error)

    def _take(self, watcher: Watcher) -> None:
        super()._take(watcher)
        self._rewriter = cast(Rewriter, watcher)

    def _release(self) -> None:
        if self._up is not None and not self._up.is_closing():
            held = self._rewriter.release()
            if held:
                self._up.write(held)


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
