"""Lanes on sockets: MLLP to the engine and to billing, HTTP to the ERP. None of them ever loses a message.

Used by `simulator.live`. A message is answered only by its own acknowledgement or response; a connection that
breaks or stays silent answers nothing, and the message is sent again, unchanged, on a new connection.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from contextlib import suppress

import h11

from simulator.agenda import Clock
from simulator.config import split_address
from simulator.hops import Answer, Delivery, Witness, exchanged, hl7_answer, http_answer
from simulator.lanes import Answered
from tracing.protocols import hl7v2, mllp

_READ = 65536
_LONGEST_PAUSE = 2.0
_GATEWAY = (502, 503, 504)


class NoAnswer(Exception):
    """The connection ended, broke or made no sense before there was an answer."""


class SocketLane(ABC):
    """One connection, one message at a time. `run` works until `end` or cancelled; `put` never blocks."""

    def __init__(
        self,
        address: str,
        answered: Answered,
        witness: Witness,
        clock: Clock,
        timeout: float,
        reconnect: float,
    ) -> None:
        self._host, self._port = split_address(address)
        self._answered, self._witness, self._clock = answered, witness, clock
        self._timeout, self._reconnect = timeout, reconnect
        self._waiting: deque[Delivery] = deque()
        self._some = asyncio.Event()
        self._ending = False
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    def put(self, delivery: Delivery) -> None:
        self._waiting.append(delivery)
        self._some.set()

    @property
    def idle(self) -> bool:
        """Whether everything put on the lane was answered."""
        return not self._waiting

    def end(self) -> None:
        """Nothing more is sent once what is under way has been answered; `run` returns then."""
        self._ending = True
        self._some.set()

    async def run(self) -> None:
        """Deliver in order until ended or cancelled."""
        try:
            while not self._ending:
                if not self._waiting:
                    self._some.clear()
                    await self._some.wait()
                    continue
                delivery = self._waiting[0]
                answer = await self._deliver(delivery)
                again = (delivery.told or self._answered)(delivery, answer)
                if again is None:
                    self._waiting.popleft()
                else:
                    await self._clock.sleep(again)
        finally:
            self._drop()

    async def _deliver(self, delivery: Delivery) -> Answer:
        """Send until there is an answer. A lost connection is not an attempt of the system's."""
        pause = self._reconnect
        delivery.attempts += 1
        while True:
            start = self._clock.now()
            sent = False
            try:
                streams = await self._connected()
                start, sent = self._clock.now(), True
                # Not wait_for: in Python 3.11 it loses a cancellation that comes together with the answer.
                async with asyncio.timeout(self._timeout):
                    answer = await self._exchange(delivery, *streams)
            except (OSError, TimeoutError, NoAnswer):
                self._drop()
                if sent:
                    self._witness.hop(exchanged(delivery, start, self._clock.now(), None))
            except asyncio.CancelledError:
                if sent:
                    self._witness.hop(exchanged(delivery, start, self._clock.now(), None))
                raise
            else:
                self._witness.hop(exchanged(delivery, start, self._clock.now(), answer))
                if not (delivery.path and int(answer.code) in _GATEWAY):
                    return answer
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is not None and self._streams[0].at_eof():
            self._drop()
        if self._streams is None:
            async with asyncio.timeout(self._timeout):
                self._streams = await asyncio.open_connection(self._host, self._port)
            self._opened()
        return self._streams

    def _drop(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    def _opened(self) -> None:  # noqa: B027 - most protocols have nothing to prepare
        """Called for every new connection."""

    @abstractmethod
    async def _exchange(
        self, delivery: Delivery, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Answer:
        """Send once and read the answer. Raises NoAnswer or OSError."""


class MllpLane(SocketLane):
    """Waits for the acknowledgement with the message's own control ID; others on the connection are stale."""

    def _opened(self) -> None:
        self._deframer = mllp.Deframer()

    async def _exchange(
        self, delivery: Delivery, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Answer:
        writer.write(mllp.frame(delivery.body))
        await writer.drain()
        while True:
            data = await reader.read(_READ)
            if not data:
                raise NoAnswer
            for item in self._deframer.feed(data):
                answer = self._acknowledgement(item, delivery)
                if answer is not None:
                    return answer

    def _acknowledgement(self, item: mllp.Frame | mllp.Junk, delivery: Delivery) -> Answer | None:
        if not isinstance(item, mllp.Frame):
            return None
        with suppress(hl7v2.NotHL7):
            if hl7v2.parse(item.payload).ack_control_id == delivery.control_id:
                return hl7_answer(item.payload)
        return None


class HttpLane(SocketLane):
    """POST over a kept connection. A gateway's 502, 503 and 504 are no answer of the ERP's: ask again."""

    def _opened(self) -> None:
        self._connection = h11.Connection(our_role=h11.CLIENT)

    async def _exchange(
        self, delivery: Delivery, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Answer:
        connection = self._connection
        headers = [
            ("Host", f"{self._host}:{self._port}"),
            ("User-Agent", "ordinary-engine/1"),
            ("Content-Type", "application/json; charset=utf-8"),
            ("Content-Length", str(len(delivery.body))),
        ]
        events = (
            h11.Request(method="POST", target=delivery.path, headers=headers),
            h11.Data(data=delivery.body),
            h11.EndOfMessage(),
        )
        writer.write(b"".join(connection.send(event) or b"" for event in events))
        await writer.drain()
        status, body = 0, bytearray()
        try:
            while True:
                event = connection.next_event()
                if event is h11.NEED_DATA:
                    connection.receive_data(await reader.read(_READ))
                elif isinstance(event, h11.Response):
                    status = event.status_code
                elif isinstance(event, h11.Data):
                    body += event.data
                elif isinstance(event, h11.EndOfMessage):
                    break
                elif not isinstance(event, h11.InformationalResponse):
                    raise NoAnswer
        except h11.RemoteProtocolError as error:
            raise NoAnswer from error
        if connection.our_state is h11.DONE and connection.their_state is h11.DONE:
            connection.start_next_cycle()
        else:
            self._drop()
        return http_answer(status, bytes(body))
