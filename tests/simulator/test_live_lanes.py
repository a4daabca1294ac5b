"""A lane that ends: what is on its way is answered or told as unanswered, and nothing more is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from simulator.agenda import Clock
from simulator.hops import EHR_ADT, Delivery, Hop
from simulator.live_lanes import MllpLane
from tracing.protocols import hl7v2, mllp


class Told:
    """Keeps the hops it is told."""

    def __init__(self) -> None:
        self.hops: list[Hop] = []

    def hop(self, hop: Hop) -> None:
        self.hops.append(hop)


def message(control_id: str) -> Delivery:
    body = f"MSH|^~\\&|EHR|N|ENG|N|20260101||ADT^A03|{control_id}|P|2.5.1\r".encode()
    return Delivery(EHR_ADT, "", "ADT^A03", control_id, body)


async def ended(meanwhile: Callable[[asyncio.Task[None]], Awaitable[None]]) -> list[Hop]:
    """The hops of a lane with two messages when `meanwhile` ends it before the first has its answer."""
    arrived, answering = asyncio.Event(), asyncio.Event()

    async def engine(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        deframer = mllp.Deframer()
        while data := await reader.read(65536):
            for item in deframer.feed(data):
                arrived.set()
                await answering.wait()
                acknowledged = hl7v2.parse(item.raw.strip(b"\x0b\x1c\r")).control_id
                text = f"MSH|^~\\&|E|N|EHR|N|20260101||ACK|1|P|2.5.1\rMSA|AA|{acknowledged}\r"
                writer.write(mllp.frame(text.encode()))
        writer.close()

    told = Told()
    async with await asyncio.start_server(engine, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        lane = MllpLane(f"127.0.0.1:{port}", lambda *_: None, told, Clock(), 30, 0.05)
        lane.put(message("1"))
        lane.put(message("2"))
        running = asyncio.create_task(lane.run())
        await arrived.wait()
        lane.end()
        await meanwhile(running)
        answering.set()
        done, _ = await asyncio.wait([running], timeout=30)
        assert done
        if not running.cancelled():
            running.result()
    return told.hops


def test_what_is_on_its_way_is_answered_and_nothing_more_is_sent() -> None:
    async def a_moment(_: asyncio.Task[None]) -> None:
        await asyncio.sleep(0.05)

    hops = asyncio.run(ended(a_moment))
    assert [(hop.control_id, hop.outcome) for hop in hops] == [("1", "accepted")]


def test_what_is_cut_off_is_told_as_unanswered() -> None:
    async def cut(running: asyncio.Task[None]) -> None:
        running.cancel()
        await asyncio.wait([running])

    hops = asyncio.run(ended(cut))
    assert [(hop.control_id, hop.outcome) for hop in hops] == [("1", "none")]


def test_a_lane_that_waits_ends_at_once() -> None:
    async def go() -> bool:
        lane = MllpLane("127.0.0.1:1", lambda *_: None, Told(), Clock(), 30, 0.05)
        running = asyncio.create_task(lane.run())
        await asyncio.sleep(0)
        lane.end()
        done, _ = await asyncio.wait([running], timeout=30)
        return bool(done)

    assert asyncio.run(go())
