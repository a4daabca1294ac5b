"""A tap without memory: messages pass, what was not seen is counted, and looking begins again by itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

from collector.taps.run import resident_bytes
from tests.taps.test_mllp import tapped
from tests.taps.world import Collector, MllpReceiver, accept, adt, eventually, framed

LIMIT = 1 << 30


def test_without_memory_messages_pass_unread_and_are_counted(collector: Collector, tmp_path: Path) -> None:
    async def story() -> None:
        receiver = await MllpReceiver(accept).start()
        async with tapped(collector, tmp_path, receiver.port) as (taps, address):
            old_reader, old_writer = await asyncio.open_connection(*address)

            async def pass_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, name: str) -> None:
                writer.write(framed(adt(name)))
                assert b"MSA|AA" in await reader.readuntil(b"\x1c\r")

            def counted(name: str) -> int:
                return int(taps.counters()["ehr-adt"][name])

            await pass_one(old_reader, old_writer, "C1")
            taps.guard(LIMIT + 1)
            await pass_one(old_reader, old_writer, "C2")
            reader, writer = await asyncio.open_connection(*address)
            await pass_one(reader, writer, "C3")
            assert (counted("messages"), counted("unseen")) == (1, 2)
            taps.guard(LIMIT - 1)  # not enough is free yet
            taps.guard(LIMIT // 2)
            new_reader, new_writer = await asyncio.open_connection(*address)
            await pass_one(new_reader, new_writer, "C4")
            await eventually(lambda: counted("messages") == 2)
            assert counted("unseen") == 2
            assert 'caretrail_tap_unseen_total{interface="ehr-adt"} 2\n' in taps.exposition()
            for each in (old_writer, writer, new_writer):
                each.close()
        await receiver.stop()
        assert receiver.received.count(b"\x1c\r") == 4

    asyncio.run(story())


def test_how_much_is_resident_is_known() -> None:
    assert 10 << 20 < resident_bytes() < 64 << 30
