"""Context that an interface puts into messages before an engine and takes out after it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from collector.taps.run import Taps
from tests.taps.test_mllp import Run, run, tapped
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
from tracing.context import parse_traceparent
from tracing.protocols.hl7v2_context import carried, inject, strip
from tracing.protocols.mllp import Deframer, Frame

__all__ = ["run"]

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def through(address: tuple[str, int], data: bytes, expected: int) -> None:
    """Send, and wait for so many bytes of answers."""
    reader, writer = await asyncio.open_connection(*address)
    for start in range(0, len(data), 4099):
        writer.write(data[start : start + 4099])
    async with asyncio.timeout(10):
        await reader.readexactly(expected)
    writer.close()


def test_in_before_the_engine_and_out_after_it(run: Run, collector: Collector, tmp_path: Path) -> None:
    messages = [adt("C1"), adt("C2").replace(b"\r", b"\n"), adt("C3")[:-1], *simhospital()[::40]]
    sent = b"noise" + b"".join(framed(m) for m in messages) + framed(b"no message") + b"\x0b\x06\x1c\r"

    async def story() -> None:
        billing = await MllpReceiver(accept_any).start()
        after = {"name": "billing-adt", "kind": "mllp", "listen": "127.0.0.1:0", "context": "strip"}
        after |= {"upstream": f"127.0.0.1:{billing.port}", "source": "engine", "destination": "billing"}
        last = Taps(interfaces(after), SITE, collector.url, tmp_path / "after")
        await last.start()
        # The engine here is a wire.
        inside = await MllpReceiver(accept_any).start()
        async with tapped(collector, tmp_path / "one", inside.port, context="inject") as (_, address):
            await through(address, sent, len(framed(ack("X"))) * (len(messages) + 1))
        changed = [item for item in Deframer().feed(inside.received) if isinstance(item, Frame)]
        assert [strip(item.payload) for item in changed[: len(messages)]] == messages
        assert all(carried(item.payload) for item in changed[: len(messages)])
        assert changed[len(messages)].payload == b"no message"
        await through(
            last.addresses["billing-adt"], inside.received, len(framed(ack("X"))) * (len(messages) + 1)
        )
        assert billing.received == sent
        await last.stop(1.0)
        await eventually(lambda: len(collector.spans) == 2 * len(messages) + 2)
        await billing.stop()
        await inside.stop()

    run(story())
    first = {s["messaging.message.id"]: s for s in collector.spans if s.interface == "ehr-adt"}
    second = {s["messaging.message.id"]: s for s in collector.spans if s.interface == "billing-adt"}
    for control in ("C1", "C2", "C3"):
        assert second[control].parent == first[control].span
        assert second[control].trace == first[control].trace == token("visit", "V1")
        assert second[control]["integration.attempt"] is None


def accept_any(payload: bytes) -> bytes:
    """An acknowledgement of one length, whatever came."""
    return framed(ack("X"))


def test_a_context_that_comes_along_wins_and_the_keys_stay(collector: Collector, tmp_path: Path) -> None:
    message = inject(adt("C1"), PARENT)
    in_the_middle = message.replace(b"PV1|", b"ZZZ|1\rPV1|").replace(b"C1", b"C2")
    start = in_the_middle.index(b"ZTC")
    moved = in_the_middle[:start].replace(b"PV1|", in_the_middle[start:] + b"PV1|")

    async def story() -> None:
        receiver = await MllpReceiver(accept).start()
        async with tapped(collector, tmp_path, receiver.port) as (_, address):
            data = framed(message) + framed(moved) + framed(inject(adt("C3", visit="", account=""), PARENT))
            await through(address, data, 3 * len(framed(ack("C1"))))
            assert receiver.received == data  # nothing is changed where nobody asked
            await eventually(lambda: len(collector.spans) == 3)
        await receiver.stop()

    asyncio.run(story())
    context = parse_traceparent(PARENT)
    assert context is not None
    for seen in collector.spans:
        assert (seen.trace, seen.parent) == (context.trace_id.hex(), context.span_id.hex())
    for seen in collector.spans[:2]:
        assert seen["journey.trace_id"] == token("visit", "V1")
        assert seen.links == [token("visit", "V1")]
        assert seen.tokens["visit"] == token("visit", "V1")


def test_what_is_too_long_or_never_ends_passes_as_it_came(
    run: Run, collector: Collector, tmp_path: Path
) -> None:
    large = framed(adt("C1") + b"OBX|1|ED|" + b"x" * 200_000 + b"\r")
    unfinished = b"\x0bMSH|^~\\&|EHR|and nothing more"

    async def story() -> None:
        receiver = await MllpReceiver(accept).start()
        extra: dict[str, Any] = {"context": "inject", "max_message_bytes": 5_000}
        async with tapped(collector, tmp_path, receiver.port, **extra) as (_, address):
            _, writer = await asyncio.open_connection(*address)
            writer.write(large + unfinished)
            await eventually(lambda: receiver.received == large)
            writer.write_eof()
            await eventually(lambda: receiver.received == large + unfinished)
            writer.close()
        await receiver.stop()

    run(story())


def test_a_reader_that_breaks_changes_nothing(collector: Collector, tmp_path: Path, monkeypatch: Any) -> None:
    def broken(*_: Any) -> bytes:
        raise RuntimeError

    monkeypatch.setattr("collector.taps.mllp_context.inject", broken)

    async def story() -> None:
        receiver = await MllpReceiver(accept).start()
        async with tapped(collector, tmp_path, receiver.port, context="inject") as (taps, address):
            await through(address, framed(adt("C1")), len(framed(ack("C1"))))
            assert receiver.received == framed(adt("C1"))
            assert taps.counters()["ehr-adt"]["unseen"] == 1
        await receiver.stop()

    asyncio.run(story())
