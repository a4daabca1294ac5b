"""The MLLP tap on real sockets: bytes pass unchanged, and every message is recorded with its own answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop

from collector.taps.config import TapConfigError
from collector.taps.run import Taps
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

Test = Callable[[], Awaitable[None]]


@pytest.fixture(params=["uvloop", "asyncio"])
def run(request: pytest.FixtureRequest) -> Callable[[Any], None]:
    """Run a coroutine on either event loop."""
    return uvloop.run if request.param == "uvloop" else asyncio.run


@asynccontextmanager
async def tapped(
    collector: Collector, spool: Path, upstream: int, **extra: Any
) -> AsyncIterator[tuple[Taps, tuple[str, int]]]:
    described = {"name": "ehr-adt", "kind": "mllp", "listen": "127.0.0.1:0"} | extra
    taps = Taps(interfaces(described | {"upstream": f"127.0.0.1:{upstream}"}), SITE, collector.url, spool)
    await taps.start()
    try:
        yield taps, taps.addresses["ehr-adt"]
    finally:
        await taps.stop(2.0)


async def closed(reader: asyncio.StreamReader) -> bool:
    """Whether the other side has closed or broken the connection."""
    try:
        return await asyncio.wait_for(reader.read(1000), 5) == b""
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
        for kind, path, place in (("visit", "PV1-19", 4), ("account", "PID-18", 4), ("order", "ORC-2", 2)):
            value, authority = message.get(path), message.get(f"{path}.{place}") or "NSH"
            if value:
                expected[kind] = token(kind, value, authority)
        if "order" not in expected and message.get("OBR-2"):
            expected["order"] = token("order", message.get("OBR-2") or "", message.get("OBR-2.2") or "NSH")
        journey = {kind: value for kind, value in seen.tokens.items() if kind != "mrn"}
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
        receiver = await MllpReceiver(accept).start()
        port = receiver.port
        await receiver.stop()
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


@asynccontextmanager
async def conversation(
    collector: Collector, spool: Path, **extra: Any
) -> AsyncIterator[tuple[Taps, asyncio.StreamWriter, asyncio.StreamWriter, asyncio.StreamReader]]:
    """A connection whose receiving end the test plays itself."""
    ready: asyncio.Future[asyncio.StreamWriter] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ready.set_result(writer)
        while await reader.read(65536):
            pass

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with tapped(collector, spool, port, **extra) as (taps, address):
        reader, sender = await asyncio.open_connection(*address)
        receiver = await ready
        try:
            yield taps, sender, receiver, reader
        finally:
            sender.close()
            receiver.close()
            server.close()


async def exchange(
    sender: asyncio.StreamWriter, receiver: asyncio.StreamWriter, taps: Taps, steps: list[tuple[str, bytes]]
) -> None:
    """`(">", message)` from the sender, `("<", answer)` from the receiver, one after the other."""
    sent = answered = 0

    def seen() -> bool:
        counters = taps.counters()["ehr-adt"]
        return (counters["messages"], counters["acknowledgements"]) == (sent, answered)

    for direction, payload in steps:
        (sender if direction == ">" else receiver).write(framed(payload))
        sent, answered = sent + (direction == ">"), answered + (direction == "<")
        await eventually(seen)


def outcomes(collector: Collector) -> list[tuple[str | None, str, str | None]]:
    return [
        (s["messaging.message.id"], s["integration.outcome"], s["integration.ack.pairing"])
        for s in collector.spans
    ]


async def play(
    collector: Collector, spool: Path, steps: list[tuple[str, bytes]], spans: int, **extra: Any
) -> dict[str, Any]:
    async with conversation(collector, spool, **extra) as (taps, sender, receiver, _):
        await exchange(sender, receiver, taps, steps)
        await eventually(lambda: len(collector.spans) >= spans)
        return taps.counters()["ehr-adt"]


def test_acknowledgements_out_of_order_find_their_messages(collector: Collector, tmp_path: Path) -> None:
    steps = [(">", adt("C1")), (">", adt("C2")), ("<", ack("C2", "AE")), ("<", ack("C1"))]
    asyncio.run(play(collector, tmp_path, steps, 2))
    assert outcomes(collector) == [("C2", "error", None), ("C1", "accepted", None)]


def test_an_acknowledgement_without_a_control_id_belongs_to_the_oldest_message(
    collector: Collector, tmp_path: Path
) -> None:
    steps = [(">", adt("C1")), (">", adt("C2")), ("<", ack("")), ("<", ack("C2"))]
    asyncio.run(play(collector, tmp_path, steps, 2))
    assert outcomes(collector) == [("C1", "accepted", "order"), ("C2", "accepted", None)]


def test_a_blank_control_id_is_answered_with_one(collector: Collector, tmp_path: Path) -> None:
    asyncio.run(play(collector, tmp_path, [(">", adt("")), ("<", ack("1"))], 1))
    assert outcomes(collector) == [(None, "accepted", "order")]


def test_an_acknowledgement_of_another_message_is_named_and_the_right_one_repairs_it(
    collector: Collector, tmp_path: Path
) -> None:
    steps = [(">", adt("C1")), ("<", ack("C0")), (">", adt("C2")), ("<", ack("C1")), ("<", ack("C2"))]
    counters = asyncio.run(play(collector, tmp_path, steps, 3))
    assert outcomes(collector) == [
        ("C1", "mismatched", "mismatched"),
        ("C1", "accepted", "late"),
        ("C2", "accepted", None),
    ]
    assert collector.spans[0].span == collector.spans[1].span
    assert (counters["mismatched"], counters["late"]) == (1, 1)


def test_a_late_acknowledgement_is_not_taken_for_the_next_messages(
    collector: Collector, tmp_path: Path
) -> None:
    async def story() -> None:
        async with conversation(collector, tmp_path, ack_timeout_seconds=0.2) as (taps, sender, receiver, _):
            await exchange(sender, receiver, taps, [(">", adt("C1"))])
            await eventually(lambda: len(collector.spans) == 1)
            sender.write(framed(adt("C2")))
            receiver.write(framed(ack("C1")) + framed(ack("C2", "AR")))
            await eventually(lambda: len(collector.spans) == 3)

    asyncio.run(story())
    assert outcomes(collector) == [
        ("C1", "timeout", None),
        ("C1", "accepted", "late"),
        ("C2", "rejected", None),
    ]
    assert collector.spans[0].error
    assert collector.spans[0].span == collector.spans[1].span


def test_the_second_acknowledgement_of_enhanced_mode_decides(collector: Collector, tmp_path: Path) -> None:
    steps = [(">", adt("C1")), ("<", ack("C1", "CA")), ("<", ack("C1", "AE")), ("<", ack("C1", "AE"))]
    counters = asyncio.run(play(collector, tmp_path, steps, 2))
    assert outcomes(collector) == [("C1", "accepted", None), ("C1", "error", None)]
    assert counters["repeated"] == 1


def test_an_acknowledgement_nobody_waits_for_is_counted_and_passes(
    collector: Collector, tmp_path: Path
) -> None:
    async def story() -> None:
        async with conversation(collector, tmp_path) as (taps, _, receiver, reader):
            receiver.write(framed(ack("C9")))
            assert await asyncio.wait_for(reader.read(1000), 5) == framed(ack("C9"))
            assert taps.counters()["ehr-adt"]["unsolicited"] == 1

    asyncio.run(story())


def test_a_missing_final_carriage_return_delays_neither_side(collector: Collector, tmp_path: Path) -> None:
    async def story() -> None:
        async with conversation(collector, tmp_path) as (_, sender, receiver, reader):
            sender.write(framed(adt("C1"))[:-1])
            await asyncio.sleep(0.1)
            receiver.write(framed(ack("C1"))[:-1])
            assert await asyncio.wait_for(reader.read(1000), 5) == framed(ack("C1"))[:-1]
            await eventually(lambda: len(collector.spans) == 1)

    asyncio.run(story())
    assert outcomes(collector) == [("C1", "accepted", None)]


def test_a_message_over_the_limit_passes_unread(collector: Collector, tmp_path: Path) -> None:
    large = adt("C1") + b"OBX|1|ED|" + b"x" * 300_000 + b"\r"
    asyncio.run(play(collector, tmp_path, [(">", large), ("<", ack("C1"))], 1, max_message_bytes=10_000))
    seen = collector.spans[0]
    assert seen["integration.unread"] == "too_large"
    assert seen["integration.ack.pairing"] == "order"
    assert seen["messaging.message.body.size"] == pytest.approx(len(large), abs=3)


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


def test_stopping_lets_outstanding_answers_come(collector: Collector, tmp_path: Path) -> None:
    async def story() -> None:
        async with conversation(collector, tmp_path) as (taps, sender, receiver, reader):
            await exchange(sender, receiver, taps, [(">", adt("C1"))])
            stopping = asyncio.create_task(taps.stop(5.0))
            await asyncio.sleep(0.1)
            receiver.write(framed(ack("C1")))
            assert await asyncio.wait_for(reader.read(), 5) == framed(ack("C1"))
            await stopping

    asyncio.run(story())
    assert outcomes(collector) == [("C1", "accepted", None)]


def test_an_address_in_use_names_the_interface(collector: Collector, tmp_path: Path) -> None:
    async def story() -> None:
        receiver = await MllpReceiver(accept).start()
        listen = f"127.0.0.1:{receiver.port}"
        with pytest.raises(TapConfigError, match=rf"'ehr-adt': listen: cannot use {listen}"):
            async with tapped(collector, tmp_path, 9, listen=listen):
                pass
        await receiver.stop()

    asyncio.run(story())
