"""What is sent again, what shape it has, and bodies that are kept where somebody asked for them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from collector.taps.replay import Observer
from collector.taps.resent import Resent
from collector.taps.turn import MAX_WRITE, Turn
from tests.taps.test_mllp import tapped
from tests.taps.world import (
    SITE,
    Collector,
    Kept,
    MllpReceiver,
    accept,
    ack,
    adt,
    eventually,
    framed,
    interfaces,
)
from tracing.bodies import BodySealer
from tracing.context import SiteKey
from tracing.keys import SealError

BASE = {"name": "ehr-adt", "kind": "mllp", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:9"}


def observer(sink: Kept, **extra: Any) -> Observer:
    return Observer(interfaces(BASE | extra), SITE, sink)


def test_the_same_bytes_again_are_another_attempt_on_any_connection(
    collector: Collector, tmp_path: Path
) -> None:
    async def story() -> None:
        receiver = await MllpReceiver(accept).start()
        async with tapped(collector, tmp_path, receiver.port) as (_, address):
            for message in (adt("C1"), adt("C1"), adt("C1", visit="V2"), adt("C1")):
                reader, writer = await asyncio.open_connection(*address)
                writer.write(framed(message))
                async with asyncio.timeout(5):
                    await reader.readexactly(len(framed(ack("C1"))))
                writer.close()
            await eventually(lambda: len(collector.spans) == 4)
        await receiver.stop()

    asyncio.run(story())
    assert [s["integration.attempt"] for s in collector.spans] == [None, 2, None, 3]
    assert len({s.span for s in collector.spans}) == 4


def test_an_archive_that_is_read_twice_says_the_same_twice(sink: Kept) -> None:
    history = observer(sink)
    for _ in range(2):
        for at in (100, 200, 300):
            history.observe_mllp("ehr-adt", adt("C1"), ack("C1"), at, at + 1)
    assert [s["integration.attempt"] for s in sink.spans] == [None, 2, 3] * 2


def test_the_memory_is_bounded() -> None:
    memory = Resent(8)
    assert [memory.attempt(b"a", 1), memory.attempt(b"a", 2)] == [1, 2]
    for number in range(1000):
        assert memory.attempt(b"%d" % number, number) == 1
    assert len(memory._young) + len(memory._old) <= 10
    assert len(memory._again) <= 10
    assert memory.attempt(b"a", 3) == 1  # too long ago


def test_a_shape_is_said_once_and_its_fingerprint_always(sink: Kept) -> None:
    history = observer(sink, structure_codes=["PV1-2"])
    for number in range(3):
        history.observe_mllp("ehr-adt", adt(f"C{number}", visit=f"V{number}"), None, number, number)
    changed = adt("C9").replace(b"PV1|1|I|", b"PV1|1|E|")
    history.observe_mllp("ehr-adt", changed, None, 9, 9)
    first, *rest, last = sink.spans
    assert first["hl7.structure.shape"] == "MSH:1-7,9-12 PID:1,3,5,7-8,18 PV1:1-2,19 MSH-12=2.5.1 PV1-2=I"
    assert {s["hl7.structure"] for s in rest} == {first["hl7.structure"]}
    assert {s["hl7.structure.shape"] for s in rest} == {None}
    assert last["hl7.structure"] != first["hl7.structure"]
    assert last["hl7.structure.shape"].endswith("PV1-2=E")


def test_in_a_flood_so_many_shapes_a_second_are_taken(sink: Kept) -> None:
    history = observer(sink, structures_per_second=20)
    for number in range(50):
        history.observe_mllp("ehr-adt", adt(), None, number, number)
    history.observe_mllp("ehr-adt", adt(), None, 100_000_001, 100_000_001)
    assert [s["hl7.structure"] is not None for s in sink.spans] == [True, True, *[False] * 48, True]


def test_bodies_are_kept_only_where_asked_and_only_sealed(sink: Kept) -> None:
    history = observer(sink, capture={"max_bytes": 100})
    history.observe_mllp("ehr-adt", adt(), ack("C1", text="JANE DOE is known"), 1, 2)
    observer(sink).observe_mllp("ehr-adt", adt(), ack("C1"), 1, 2)
    kept, plain = sink.spans
    sealer = BodySealer(SITE)
    assert sealer.open(kept["integration.body.sealed"]) == adt()[:100]
    assert sealer.open(kept["integration.answer.sealed"]) == ack("C1", text="JANE DOE is known")[:100]
    assert b"DOE" not in sink.bytes
    assert plain["integration.body.sealed"] is None
    assert plain["integration.answer.sealed"] is None


def test_a_sealed_body_opens_with_its_own_key_alone() -> None:
    sealed = BodySealer(SITE).seal(b"MSH|JANE DOE").decode()
    assert sealed == BodySealer(SITE).seal(b"MSH|JANE DOE").decode()
    for wrong in (sealed[:-4] + "AAAA", sealed[:8], "§", "AAAA" * 20):
        with pytest.raises(SealError) as raised:
            BodySealer(SITE).open(wrong)
        assert "DOE" not in str(raised.value)
    with pytest.raises(SealError):
        BodySealer(SiteKey(b"x" * 32)).open(sealed)


def test_live_answers_are_kept_too(collector: Collector, tmp_path: Path) -> None:
    async def story() -> None:
        receiver = await MllpReceiver(accept).start()
        async with tapped(collector, tmp_path, receiver.port, capture={"messages": False}) as (_, address):
            reader, writer = await asyncio.open_connection(*address)
            writer.write(framed(adt("C1")))
            async with asyncio.timeout(5):
                await reader.readexactly(len(framed(ack("C1"))))
            writer.close()
            await eventually(lambda: len(collector.spans) == 1)
        await receiver.stop()

    asyncio.run(story())
    assert collector.spans[0]["integration.body.sealed"] is None
    assert BodySealer(SITE).open(collector.spans[0]["integration.answer.sealed"]) == ack("C1")


def test_a_turn_with_many_bodies_is_written_in_pieces() -> None:
    class Spool:
        def __init__(self) -> None:
            self.written: list[tuple[int, int]] = []

        def append(self, scope: bytes, encoded: bytes, count: int = 1) -> bool:
            self.written.append((len(encoded), count))
            return True

    async def story() -> list[tuple[int, int]]:
        spool = Spool()
        turn = Turn(spool)
        for count in (1, 3):
            turn.append(b"scope", b"x" * MAX_WRITE, count)
        turn.append(b"other", b"x", 1)
        turn.flush()
        return spool.written

    assert asyncio.run(story()) == [(MAX_WRITE, 1), (MAX_WRITE, 3), (1, 1)]
