"""An MLLP listener that is sent copies: it records each message, then acknowledges it.

Made by `proxy` for `mode: sink`. The acknowledgement says AA (original mode) or CA (enhanced mode, HL7 v2.5.1
2.9.3) once the record is in the spool, AE or CE where it could not be recorded, so that the engine keeps the
message. It must never acknowledge what is not on record.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, cast

from collector.taps.config import MllpInterface
from collector.taps.hl7_answer import Answer
from collector.taps.hl7_batch import BatchHop
from collector.taps.listening import listening
from collector.taps.mllp import beginning
from collector.taps.observe_hl7 import Hl7Observer
from collector.taps.relay import HANDSHAKE_SECONDS, Secured
from collector.taps.relay_sides import keep_alive
from collector.taps.tap import Ground
from tracing.protocols.hl7v2 import NotHL7, compile_path, parse
from tracing.protocols.hl7v2_acknowledge import acknowledge
from tracing.protocols.mllp import Deframer, Frame, Junk, frame

_ACCEPT = compile_path("MSH-15")
_APPLICATION = compile_path("MSH-16")
_ON_SUCCESS = ("AL", "SU")
_ON_ERROR = ("AL", "ER")
_UNREADABLE = b"MSH|^~\\&|||||%b||ACK|%b|P|2.5.1\rMSA|%b|\r"


@dataclass
class SinkCounters:
    """What came over one interface since the process started."""

    connections: int = 0
    open: int = 0
    refused: int = 0
    messages: int = 0
    batches: int = 0
    acknowledgements: int = 0
    not_recorded: int = 0
    junk_bytes: int = 0
    unseen: int = 0


def reply(payload: bytes, recorded: bool, control_id: str, now: datetime) -> bytes | None:
    """The acknowledgement of `payload`, unframed; None where its sender asks for none (MSH-15, MSH-16).

    `control_id` becomes the acknowledgement's own MSH-10. What is no message is refused with AR.
    """
    try:
        message = parse(payload)
    except NotHL7:
        stamp = now.astimezone(UTC).strftime("%Y%m%d%H%M%S+0000").encode()
        return _UNREADABLE % (stamp, control_id.encode("ascii"), b"AR" if recorded else b"AE")
    accept = (message.value(_ACCEPT) or "").upper()
    application = (message.value(_APPLICATION) or "").upper()
    wanted = _ON_SUCCESS if recorded else _ON_ERROR
    if not accept and not application:
        code = "AA" if recorded else "AE"
    elif accept in wanted:
        code = "CA" if recorded else "CE"
    elif application in wanted and accept in ("", "NE"):
        code = "AA" if recorded else "AE"
    else:
        return None
    return acknowledge(message, code, control_id, now)


class MllpSink:
    """A `Tap` that stands beside the road."""

    def __init__(
        self, interface: MllpInterface, secured: Secured, observer: Hl7Observer, ground: Ground
    ) -> None:
        self.interface = interface
        self.secured = secured
        self.observer = observer
        self.counted = SinkCounters()
        self.connections: set[SinkConnection] = set()
        self._awaiting = ground.awaiting
        self._server: asyncio.Server | None = None
        self._empty = asyncio.Event()
        self._numbers = itertools.count(1)
        self._started = int(time.time())

    async def start(self) -> tuple[str, int]:
        """Listen; the address that was bound. Raises `TapConfigError`."""
        return await listening(self.interface.name, self.interface.listen, self._listen)

    async def stop(self, drain_seconds: float) -> None:
        """Take nothing new; a message that is half received may still become whole."""
        if self._server is not None:
            self._server.close()
        for connection in list(self.connections):
            connection.finish()
        if self.connections:
            with suppress(TimeoutError):
                async with asyncio.timeout(drain_seconds):
                    await self._empty.wait()
        for connection in list(self.connections):
            connection.abort()

    def counters(self) -> dict[str, Any]:
        """Of connections and of messages."""
        return asdict(self.counted) | {"unseen": self.counted.unseen + self.observer.unseen}

    def take(self, payload: bytes, now_ns: int, size: int = 0) -> bytes | None:
        """Record one message; its acknowledgement in a block, None where none is wanted."""
        control_id = f"CT{self._started:x}.{next(self._numbers)}"
        now = datetime.fromtimestamp(now_ns / 1e9, UTC)
        hop = self.observer.read(payload, now_ns, size)
        batch = isinstance(hop, BatchHop)
        self.counted.batches += batch
        self.counted.messages += len(hop.children) if isinstance(hop, BatchHop) else 1
        answer = reply(payload, True, control_id, now)
        if answer is None:
            recorded = self.observer.unanswered(hop, time.time_ns(), "accepted")
        else:
            recorded = self.observer.answered(hop, Answer(answer), time.time_ns())
        if not recorded:
            self.counted.not_recorded += 1
            answer = reply(payload, False, control_id, now)
        if answer is None:
            return None
        self.counted.acknowledgements += 1
        return frame(answer)

    def opened(self, connection: SinkConnection) -> None:
        """A connection has come in."""
        self.counted.connections += 1
        self.counted.open += 1
        self.connections.add(connection)
        self._empty.clear()

    def closed(self, connection: SinkConnection) -> None:
        """It is over."""
        self.counted.open -= 1
        self.connections.discard(connection)
        if not self.connections:
            self._empty.set()

    async def _listen(self, host: str, port: int) -> tuple[str, int]:
        secure = self.secured.listen
        factory: Callable[[], SinkConnection] = lambda: SinkConnection(self)  # noqa: E731
        self._server = await asyncio.get_running_loop().create_server(
            factory,
            host,
            port,
            reuse_address=True,
            backlog=512,
            ssl=secure,
            ssl_handshake_timeout=HANDSHAKE_SECONDS if secure else None,
        )
        bound = self._server.sockets[0].getsockname()
        return bound[0], bound[1]


class SinkConnection(asyncio.Protocol):
    """One sender."""

    def __init__(self, sink: MllpSink) -> None:
        self._sink = sink
        self._frames = Deframer(sink.interface.max_message_bytes)
        self._transport: asyncio.Transport
        self._oversize = 0
        self._beginning = b""
        self._refused = False
        self._finishing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        allowed = self._sink.secured.allowed
        peer = transport.get_extra_info("peername")
        if allowed is not None and not (peer and allowed(peer[0])):
            self._sink.counted.refused += 1
            self._refused = True
            self._transport.abort()
            return
        self._sink.opened(self)
        keep_alive(transport, self._sink.secured.keepalive)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        now_ns = time.time_ns()
        items = self._frames.feed(data)
        if self._frames.awaiting_cr:
            items += self._frames.flush()
        for item in items:
            answer = self._taken(item, now_ns)
            if answer is not None:
                self._transport.write(answer)
        if self._finishing:
            self.finish()

    def pause_writing(self) -> None:
        self._transport.pause_reading()  # a sender that takes no acknowledgements sends no messages

    def resume_writing(self) -> None:
        self._transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._refused:
            self._sink.closed(self)

    def finish(self) -> None:
        """Close as soon as no message is half received."""
        self._finishing = True
        if not self._frames.pending and not self._oversize:
            self._transport.close()

    def abort(self) -> None:
        """Close now."""
        self._transport.abort()

    def _taken(self, item: Frame | Junk, now_ns: int) -> bytes | None:
        if isinstance(item, Frame):
            nothing = item.commit is not None or not item.payload.strip()
            return None if nothing else self._sink.take(item.payload, now_ns)
        if item.reason == "noise":
            self._sink.counted.junk_bytes += len(item.raw)
            return None
        if not self._oversize:
            self._beginning = beginning(item.raw)
        self._oversize += len(item.raw)
        if item.reason != "oversize_end":
            return None
        size, self._oversize = self._oversize - (3 if item.raw.endswith(b"\r") else 2), 0
        return self._sink.take(self._beginning, now_ns, size)
