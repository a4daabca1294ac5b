"""A sink is sent copies: it acknowledges what is on record, and nothing else."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from collector.taps.mllp_sink import reply
from tests.taps.test_mllp import Run, run, spooled, tapped
from tests.taps.world import Collector, adt, eventually, framed, token
from tracing.protocols.hl7v2 import parse
from tracing.protocols.mllp import Deframer, Frame

__all__ = ["run"]

SINK = {"mode": "sink"}


def enhanced(control: str, accept: str, application: str) -> bytes:
    """A message that says which acknowledgements it wants (MSH-15, MSH-16)."""
    return adt(control).replace(b"|P|2.5.1\r", f"|P|2.5.1|||{accept}|{application}\r".encode())


async def answers(reader: asyncio.StreamReader, count: int) -> list[tuple[str, str]]:
    """(MSA-1, MSA-2) of the next acknowledgements."""
    frames = Deframer()
    found: list[tuple[str, str]] = []
    async with asyncio.timeout(5):
        while len(found) < count:
            for item in frames.feed(await reader.read(65536)):
                assert isinstance(item, Frame)
                message = parse(item.payload)
                found.append((message.ack_code, message.ack_control_id))
    return found


def test_each_mode_gets_its_own_acknowledgement_after_the_record(
    run: Run, collector: Collector, tmp_path: Path
) -> None:
    collector.answers = [(503, {}, b"")] * 1000

    async def story() -> None:
        async with tapped(collector, tmp_path, 0, **SINK) as (taps, address):
            reader, writer = await asyncio.open_connection(*address)
            for message, expected in (
                (adt("CTRL1"), ("AA", "CTRL1")),
                (enhanced("CTRL2", "AL", "NE"), ("CA", "CTRL2")),
                (enhanced("CTRL3", "NE", "AL"), ("AA", "CTRL3")),
            ):
                writer.write(framed(message))
                assert await answers(reader, 1) == [expected]
                assert expected[1].encode() in spooled(tmp_path)
            writer.write(framed(enhanced("CTRL4", "NE", "NE")) + framed(adt("CTRL5")))
            assert await answers(reader, 1) == [("AA", "CTRL5")]  # CTRL4 wants none
            writer.close()
            assert taps.counters()["ehr-adt"]["messages"] == 5

    run(story())


def test_what_it_takes_is_recorded_like_any_message(collector: Collector, tmp_path: Path) -> None:
    async def story() -> None:
        async with tapped(collector, tmp_path, 0, **SINK) as (_, address):
            reader, writer = await asyncio.open_connection(*address)
            data = (
                b"junk" + framed(adt("C1"))[:-1] + framed(b"no message") + b"\x0b\x06\x1c\r" + b"\x0b\x1c\r"
            )
            writer.write(data)
            assert await answers(reader, 2) == [("AA", "C1"), ("AR", "")]
            writer.close()
            await eventually(lambda: len(collector.spans) == 2)

    asyncio.run(story())
    seen, unread = collector.spans
    assert (seen["integration.outcome"], seen["integration.ack.code"]) == ("accepted", "AA")
    assert seen.trace == token("visit", "V1")
    assert unread["integration.unread"] == "not_hl7"


def test_what_cannot_be_recorded_is_not_accepted(
    collector: Collector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        async with tapped(collector, tmp_path, 0, **SINK) as (taps, address):
            monkeypatch.setattr(taps.spool, "append", lambda *_: False)
            reader, writer = await asyncio.open_connection(*address)
            writer.write(framed(adt("C1")) + framed(enhanced("C2", "AL", "NE")))
            assert await answers(reader, 2) == [("AE", "C1"), ("CE", "C2")]
            assert taps.counters()["ehr-adt"]["not_recorded"] == 2
            monkeypatch.undo()
            writer.close()

    asyncio.run(story())


def test_a_long_message_is_taken_without_being_held(collector: Collector, tmp_path: Path) -> None:
    large = adt("C1") + b"OBX|1|ED|" + b"x" * 3_000_000 + b"\r"

    async def story() -> None:
        async with tapped(collector, tmp_path, 0, max_message_bytes=10_000, **SINK) as (taps, address):
            reader, writer = await asyncio.open_connection(*address)
            writer.write(framed(large))
            assert await answers(reader, 1) == [("AA", "C1")]
            writer.close()
            await eventually(lambda: len(collector.spans) == 1)
            assert taps.counters()["ehr-adt"]["unseen"] == 1

    asyncio.run(story())
    assert collector.spans[0]["messaging.message.body.size"] == len(large)
    assert collector.spans[0].trace == token("visit", "V1")


def test_a_reply_changes_places_and_names_no_sender_twice() -> None:
    from datetime import UTC, datetime

    now = datetime(2026, 3, 1, tzinfo=UTC)
    answer = parse(reply(adt("C1"), True, "CT1.1", now) or b"")
    assert (answer.get("MSH-3"), answer.get("MSH-5"), answer.control_id) == ("ENGINE", "EHR", "CT1.1")
    assert reply(enhanced("C1", "ER", "NE"), True, "X", now) is None
    assert parse(reply(enhanced("C1", "ER", "NE"), False, "X", now) or b"").ack_code == "CE"
