"""The MLLP tap on real sockets: bytes pass unchanged, and every message is recorded with its own answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop

from collector.taps.config import TapConfigError
from collector.taps.mllp import MllpWatcher
from collector.taps.run import Taps
from tests.ports import free_port
from tests.taps.test_observe_hl7 import simhospital
from tests.taps.world import (
    SITE,
    Collector,
    MllpReceiver,
    accept,
    ack,
    adt,
    eventually,
    framed,
    interfaces,
    token,
)
from tracing.protocols.hl7v2 import parse

Run = Callable[[Any], None]


@pytest.fixture(params=["uvloop", "asyncio"])
def run(request: pytest.FixtureRequest) -> Callable[[Any], None]:
    """Run a coroutine on either event loop."""
    return uvloop.run if request.param == "uvloop" else asyncio.run


@asynccontextmanager
async def tapped(
    collector: Collector, spool: Path, upstream: int, **extra: Any
) -> AsyncIterator[tuple[Taps, tuple[str, int]]]:
    described = {"name": "ehr-adt", "kind": "mllp", "listen": "127.0.0.1:0"}
    described |= {"upstream": f"127.0.0.1:{upstream}"} if upstream else {}
    taps = Taps(interfaces(described | extra), SITE, collector.url, spool)
    await taps.start()
    try:
        yield taps, taps.addresses["ehr-adt"]
    finally:
        await taps.stop(2.0)


async def closed(reader: asyncio.StreamReader) -> bool:
    """Whether the other side has closed or broken the connection."""
    try:
        async with asyncio.timeout(5):
            return await reader.read(1000) == b""
    except ConnectionError:
        return True


def test_a_message_and_its_acknowledgement_pass_and_are_recorded(
    run: Callable[[Any], None], collector: Collector, tmp_path: Path
) -> None:
    async def story() -> None:
        receiver = await MllpReceiver(accept).start()
        async with tapped(collector, tmp_path, receiver.port) as (_, address):
            reader, writer = await asyncio.open_connection(*address)
            message = framed(adt("C7"))
            writer.write(message)  # at once: before the tap can have reached the receiver
            assert await reader.readexactly(len(framed(ack("C7")))) == framed(ack("C7"))
            assert receiver.received == message
            writer.close()
            await eventually(lambda: len(collector.spans) == 1)
        seen = collector.spans[0]
        assert seen["messaging.message.id"] == "C7"
        assert seen["integration.outcome"] == "accepted"
        assert seen.trace == token("visit", "V1")
        await receiver.stop()

    run(story())


def test_real_messages_pass_byte_for_byte_with_the_right_keys(collector: Collector, tmp_path: Path) -> None:
    messages = simhospital()
    assert len(messages) == 1013

    async def story() -> None:
        receiver = await MllpReceiver(accept).start()
        async with tapped(collector, tmp_path, receiver.port) as (_, address):
            reader, writer = await asyncio.open_connection(*address)
            sent = b"".join(framed(message) for message in messages)

            async def send() -> None:
                for start in range(0, len(sent), 7919):  # frames are cut anywhere
                    writer.write(sent[start : start + 7919])
                    await writer.drain()

            sending = asyncio.create_task(send())
            expected = b"".join(accept(message) for message in messages)
            assert await asyncio.wait_for(reader.readexactly(len(expected)), 20) == expected
            await sending
            assert receiver.received == sent
            writer.close()
            await eventually(lambda: len(collector.spans) == 1013)
        await receiver.stop()

    uvloop.run(story())
    found = {(seen["messaging.message.id"], seen["integration.message"]): seen for seen in collector.spans}
    for raw in messages:
        message = parse(raw)
        seen = found[message.control_id, message.message_type]
        expected: dict[str, str] = {}
        for kind, path, place in (
            ("visit", "PV1-19", 4),
            ("account", "PID-18", 4),
            ("order", "ORC-2", 2),
            ("document", "TXA-12", 2),
        ):
            value, authority = message.get(path), message.get(f"{path}.{place}") or "NSH"
            if value:
                expected[kind] = token(kind, value, authority)
        if "order" not in expected and message.get("OBR-2"):
            expected["order"] = token("order", message.get("OBR-2") or "", message.get("OBR-2.2") or "NSH")
        best = [key.split(":") for key in reversed(seen["journey.keys"] or ())]
        journey = {kind: value for kind, _, value in best if kind != "mrn"}
        assert journey == expected, message.control_id
        assert seen["integration.outcome"] == "accepted"
        if "visit" in expected:
            assert seen.trace == expected["visit"]


def test_junk_passes_and_several_frames_in_one_read_are_several_messages(
    run: Callable[[Any], None], collector: Collector, tmp_path: Path
) -> None:
    async def story() -> None:
        receiver = await MllpReceiver(accept).start()
        async with tapped(collector, tmp_path, receiver.port) as (taps, address):
            reader, writer = await asyncio.open_connection(*address)
            data = b"GET / HTTP/1.0\r\n" + framed(adt("C1")) + b"\n" + framed(adt("C2")) + framed(adt("C3"))
            writer.write(data)
            expected = b"".join(framed(ack(control)) for control in ("C1", "C2", "C3"))
            assert await asyncio.wait_for(reader.readexactly(len(expected)), 5) == expected
            assert receiver.received == data
            writer.close()
            await eventually(lambda: len(collector.spans) == 3)
            assert taps.counters()["ehr-adt"]["junk_bytes"] == 17
        assert [seen["messaging.message.id"] for seen in collector.spans] == ["C1", "C2", "C3"]
        await receiver.stop()

    run(story())


def test_an_unreachable_receiver_breaks_the_senders_connection(
    run: Callable[[Any], None], collector: Collector, tmp_path: Path
) -> None:
    async def story() -> None:
        port = free_port()  # not one the system gives: the tap could listen there, and forward to itself
        async with tapped(collector, tmp_path, port) as (taps, address):
            reader, writer = await asyncio.open_connection(*address)
            writer.write(framed(adt("C1")))
            assert await closed(reader)
            assert taps.counters()["ehr-adt"]["upstream_failures"] == 1
            receiver = await MllpReceiver(accept).start(port)  # and when it is back, all is well
            reader, writer = await asyncio.open_connection(*address)
            writer.write(framed(adt("C2")))
            assert await asyncio.wait_for(reader.read(1000), 5) == framed(ack("C2"))
            writer.close()
            await receiver.stop()
            await eventually(lambda: len(collector.spans) == 1)

    run(story())


def test_a_receiver_that_goes_away_breaks_the_connection_and_the_message_is_unanswered(
    run: Callable[[Any], None], collector: Collector, tmp_path: Path
) -> None:
    async def story() -> None:
        receiver = await MllpReceiver(lambda payload: None).start()
        async with tapped(collector, tmp_path, receiver.port) as (_, address):
            reader, writer = await asyncio.open_connection(*address)
            writer.write(framed(adt("C1")))
            await eventually(lambda: bool(receiver.received))
            await receiver.stop()
            assert await closed(reader)
            await eventually(lambda: len(collector.spans) == 1)
        assert collector.spans[0]["integration.outcome"] == "none"

    run(story())


def test_a_sender_that_half_closes_still_gets_its_answer(
    run: Callable[[Any], None], collector: Collector, tmp_path: Path
) -> None:
    async def story() -> None:
        receiver = await MllpReceiver(accept).start()
        async with tapped(collector, tmp_path, receiver.port) as (_, address):
            reader, writer = await asyncio.open_connection(*address)
            writer.write(framed(adt("C1")))
            writer.write_eof()
            assert await asyncio.wait_for(reader.read(), 5) == framed(ack("C1"))
            writer.close()

    run(story())


def test_a_reader_that_breaks_lets_the_bytes_pass(
    collector: Collector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Any, data: bytes, now_ns: int) -> None:
        raise RuntimeError("V1 must not be in the log")

    monkeypatch.setattr("collector.taps.mllp.MllpWatcher.request", broken)

    async def story() -> None:
        receiver = await MllpReceiver(accept).start()
        async with tapped(collector, tmp_path, receiver.port) as (taps, address):
            reader, writer = await asyncio.open_connection(*address)
            for control in ("C1", "C2"):
                writer.write(framed(adt(control)))
                assert await asyncio.wait_for(reader.read(1000), 5) == framed(ack(control))
            assert taps.counters()["ehr-adt"]["watch_failures"] == 1
            writer.close()
        await receiver.stop()

    asyncio.run(story())


def test_a_connection_is_read_again_a_while_after_its_reader_broke(
    run: Callable[[Any], None], collector: Collector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, breaks = MllpWatcher.request, [True]

    def broken_once(self: MllpWatcher, data: bytes, now_ns: int) -> None:
        if breaks:
            raise RuntimeError(breaks.pop())
        read(self, data, now_ns)

    monkeypatch.setattr("collector.taps.mllp.MllpWatcher.request", broken_once)
    monkeypatch.setattr("collector.taps.relay_sides.UNWATCHED_SECONDS", 0.3)

    async def story() -> None:
        receiver = await MllpReceiver(accept).start()
        async with tapped(collector, tmp_path, receiver.port) as (taps, address):
            reader, writer = await asyncio.open_connection(*address)
            for control, wait in (("C1", 0.0), ("C2", 0.0), ("C3", 0.5), ("C4", 0.0)):
                await asyncio.sleep(wait)
                writer.write(framed(adt(control)))
                assert await asyncio.wait_for(reader.read(1000), 5) == framed(ack(control))
            writer.close()
            await eventually(lambda: len(collector.spans) == 2)
            counted = taps.counters()["ehr-adt"]
            assert (counted["watch_failures"], counted["unseen"]) == (1, 2)
        seen = [(one["messaging.message.id"], one["integration.outcome"]) for one in collector.spans]
        assert seen == [("C3", "accepted"), ("C4", "accepted")]
        await receiver.stop()

    run(story())


@pytest.mark.parametrize("context", ["none", "inject"])
def test_a_connection_that_was_spared_is_read_again_from_the_next_message_on(
    run: Callable[[Any], None],
    collector: Collector,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    context: str,
) -> None:
    monkeypatch.setattr("collector.taps.relay_sides.UNWATCHED_SECONDS", 0.0)
    monkeypatch.setattr("collector.taps.run.GUARD_SECONDS", 1000.0)

    async def story() -> None:
        receiver = await MllpReceiver(accept).start()
        async with tapped(collector, tmp_path, receiver.port, context=context) as (taps, address):
            reader, writer = await asyncio.open_connection(*address)

            async def pass_on(control: str) -> bytes:
                before, message = len(receiver.received), framed(adt(control))
                for part in (message[:20], message[20:]):
                    writer.write(part)
                    await asyncio.sleep(0.05)
                assert await asyncio.wait_for(reader.read(1000), 5) == framed(ack(control))
                return receiver.received[before:]

            await pass_on("C1")
            for resident, control in ((1 << 60, "C2"), (0, "C3")):
                taps.guard(resident)
                passed = await pass_on(control)
                injected = b"ZTC|" in passed
                assert injected == (context == "inject" and not resident)
                assert injected or passed == framed(adt(control))
            writer.close()
            await eventually(lambda: len(collector.spans) == 2)
        assert [one["messaging.message.id"] for one in collector.spans] == ["C1", "C3"]
        await receiver.stop()

    run(story())


def spooled(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("*.spool"))


def test_the_record_is_on_disk_before_the_sender_knows(collector: Collector, tmp_path: Path) -> None:
    collector.answers = [(503, {}, b"")] * 1000

    async def story() -> None:
        receiver = await MllpReceiver(accept).start()
        async with tapped(collector, tmp_path, receiver.port) as (_, address):
            reader, writer = await asyncio.open_connection(*address)
            for number in range(20):
                writer.write(framed(adt(f"CTRL{number}")))
                await reader.readexactly(len(framed(ack(f"CTRL{number}"))))
                assert f"CTRL{number}".encode() in spooled(tmp_path)
            writer.close()
        await receiver.stop()

    asyncio.run(story())


def test_an_address_that_stays_in_use_names_the_interface(
    collector: Collector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector.taps.listening.HANDOVER_SECONDS", 0.1)

    async def story() -> None:
        receiver = await MllpReceiver(accept).start()
        listen = f"127.0.0.1:{receiver.port}"
        with pytest.raises(TapConfigError, match=rf"'ehr-adt': listen: cannot use {listen}"):
            async with tapped(collector, tmp_path, 9, listen=listen):
                pass
        await receiver.stop()

    asyncio.run(story())
