"""Which acknowledgement belongs to which message: out of order, late, mismatched, twice, or never."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from collector.taps.run import Taps
from tests.taps.test_mllp import tapped
from tests.taps.world import (
    SITE,
    Collector,
    MllpReceiver,
    ack,
    adt,
    eventually,
    framed,
    interfaces,
    token,
)


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


def test_enhanced_mode_is_received_and_then_processed(collector: Collector, tmp_path: Path) -> None:
    steps = [(">", adt("C1")), ("<", ack("C1", "CA")), ("<", ack("C1", "AA")), ("<", ack("C1", "AA"))]
    counters = asyncio.run(play(collector, tmp_path, steps, 2))
    received, processed = collector.spans
    assert (received["integration.ack.code"], processed["integration.ack.code"]) == ("CA", "AA")
    assert (processed.trace, processed.parent) == (received.trace, received.span)
    assert processed["messaging.operation.name"] == processed["integration.operation"] == "process"
    assert processed["journey.keys"] == received["journey.keys"]
    assert processed.start == received.end
    assert (counters["processed"], counters["repeated"]) == (1, 1)


def test_what_the_application_refuses_was_not_accepted(collector: Collector, tmp_path: Path) -> None:
    steps = [(">", adt("C1")), ("<", ack("C1", "CA")), ("<", ack("C1", "AE", error="207"))]
    asyncio.run(play(collector, tmp_path, steps, 3))
    assert outcomes(collector) == [("C1", "accepted", None), ("C1", "error", None), ("C1", "error", None)]
    received, processed, refused = collector.spans
    assert (refused.span, processed.parent) == (received.span, received.span)
    assert processed["integration.reason"] == refused["integration.reason"] == "207"


def test_the_application_may_answer_on_another_connection(collector: Collector, tmp_path: Path) -> None:
    async def story() -> None:
        writers: list[asyncio.StreamWriter] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writers.append(writer)
            while await reader.read(65536):
                pass

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with tapped(collector, tmp_path, server.sockets[0].getsockname()[1]) as (_, address):
            _, sender = await asyncio.open_connection(*address)
            sender.write(framed(adt("C1")))
            _, other = await asyncio.open_connection(*address)
            await eventually(lambda: len(writers) == 2)
            writers[0].write(framed(ack("C1", "CA")))
            await eventually(lambda: len(collector.spans) == 1)
            writers[1].write(framed(ack("C1", "AA")))
            await eventually(lambda: len(collector.spans) == 2)
            sender.close()
            other.close()
        server.close()

    asyncio.run(story())
    received, processed = collector.spans
    assert processed.parent == received.span


def test_the_application_may_answer_over_an_interface_that_leads_back(
    collector: Collector, tmp_path: Path
) -> None:
    async def story() -> None:
        engine = await MllpReceiver(lambda payload: framed(ack("C1", "CA"))).start()
        ehr = await MllpReceiver(lambda payload: framed(ack("R1", "CA"))).start()
        described = [
            {"name": name, "kind": "mllp", "listen": "127.0.0.1:0", "upstream": f"127.0.0.1:{end.port}"}
            | extra
            for name, end, extra in (
                ("ehr-adt", engine, {}),
                ("engine-acks", ehr, {"source": "engine", "destination": "ehr", "acknowledges": "ehr-adt"}),
            )
        ]
        taps = Taps(interfaces(*described), SITE, collector.url, tmp_path)
        await taps.start()
        _, sender = await asyncio.open_connection(*taps.addresses["ehr-adt"])
        sender.write(framed(adt("C1")))
        await eventually(lambda: len(collector.spans) == 1)
        _, back = await asyncio.open_connection(*taps.addresses["engine-acks"])
        message = ack("C1", "AA").replace(b"||ACK|1|", b"||ACK|R1|")
        back.write(framed(message))
        await eventually(lambda: len(collector.spans) == 3)
        for writer in (sender, back):
            writer.close()
        await taps.stop(1.0)
        for end in (engine, ehr):
            await end.stop()

    asyncio.run(story())
    by_interface = {(s.interface, s["messaging.operation.name"]): s for s in collector.spans}
    received = by_interface["ehr-adt", "forward"]
    processed = by_interface["ehr-adt", "process"]
    returned = by_interface["engine-acks", "forward"]
    assert processed.parent == received.span
    assert returned.trace == received.trace
    assert returned.links == [received.trace]
    assert returned["messaging.message.id"] == "R1"


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
    counters = asyncio.run(
        play(collector, tmp_path, [(">", large), ("<", ack("C1"))], 1, max_message_bytes=10_000)
    )
    seen = collector.spans[0]
    assert seen["integration.unread"] == "too_large"
    assert seen["integration.ack.pairing"] is None
    assert seen["messaging.message.id"] == "C1"  # its beginning is read
    assert seen.trace == token("visit", "V1")
    assert seen["messaging.message.body.size"] == len(large)
    assert counters["unseen"] == 1


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
