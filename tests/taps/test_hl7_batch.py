"""Batches in one block: a span for the batch, one for each message, counts checked, answers that apply."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.taps.test_mllp_pairing import conversation
from tests.taps.world import Collector, Seen, ack, adt, eventually, framed, token
from tracing.protocols.hl7v2_batch import open_batch

HEAD = b"FHS|^~\\&|LAB\rBHS|^~\\&|LAB||||||||B7\r"
MESSAGES = adt("C1", visit="V1") + adt("C2", visit="V2") + adt("C3", visit="", account="")


def batch(messages: bytes = MESSAGES, bts: str = "3", fts: str = "1") -> bytes:
    return HEAD + messages + f"BTS|{bts}\rFTS|{fts}\r".encode()


def by_id(collector: Collector) -> dict[str, Seen]:
    """The last span of each message; the batch's is under its own ID."""
    return {s["messaging.message.id"]: s for s in collector.spans}


def test_a_batch_and_each_message_under_it(collector: Collector, tmp_path: Path) -> None:
    counters = asyncio.run(play_once(collector, tmp_path, batch(), ack("B7")))
    found = by_id(collector)
    whole = found["B7"]
    assert whole["messaging.operation.name"] == "batch"
    assert (whole["integration.batch.messages"], whole["integration.batch.declared"]) == (3, None)
    assert whole["integration.reason"] is None
    for control, visit in (("C1", "V1"), ("C2", "V2")):
        assert found[control].trace == token("visit", visit)
        assert found[control].links == [whole.trace]
    assert (found["C3"].trace, found["C3"].parent) == (whole.trace, whole.span)  # it has no keys of a journey
    assert {s["integration.outcome"] for s in found.values()} == {"accepted"}
    assert (counters["messages"], counters["batches"]) == (3, 1)


async def play_once(collector: Collector, tmp_path: Path, sent: bytes, answer: bytes) -> dict[str, int]:
    async with conversation(collector, tmp_path) as (taps, sender, receiver, _):
        sender.write(framed(sent))
        await eventually(lambda: taps.counters()["ehr-adt"]["messages"] >= 1)
        receiver.write(framed(answer))
        await eventually(lambda: len(collector.spans) >= 4)
        return taps.counters()["ehr-adt"]


@pytest.mark.parametrize(("bts", "fts", "declared"), [("4", "1", 4), ("3", "2", 2), ("", "", None)])
def test_counts_are_checked(
    collector: Collector, tmp_path: Path, bts: str, fts: str, declared: int | None
) -> None:
    asyncio.run(play_once(collector, tmp_path, batch(bts=bts, fts=fts), ack("B7")))
    whole = by_id(collector)["B7"]
    assert whole["integration.batch.declared"] == declared
    assert whole["integration.reason"] == ("batch_count" if declared else None)
    assert whole["integration.outcome"] == "accepted"


def test_a_batch_of_answers_speaks_for_each(collector: Collector, tmp_path: Path) -> None:
    answers = ack("C1") + ack("C2", "AE", error="207") + ack("C3")
    answer = b"BHS|^~\\&|ENGINE|||||||||B7\r" + answers + b"BTS|3\r"
    asyncio.run(play_once(collector, tmp_path, batch(), answer))
    found = by_id(collector)
    outcomes = {control: seen["integration.outcome"] for control, seen in found.items()}
    assert outcomes == {"B7": "error", "C1": "accepted", "C2": "error", "C3": "accepted"}
    assert found["C2"]["integration.reason"] == "207"


def test_answers_one_by_one_end_up_with_their_messages(collector: Collector, tmp_path: Path) -> None:
    async def story() -> None:
        async with conversation(collector, tmp_path) as (taps, sender, receiver, _):
            sender.write(framed(batch()))
            await eventually(lambda: taps.counters()["ehr-adt"]["messages"] == 3)
            for answer in (ack("C1"), ack("C2", "AR"), ack("C3")):
                receiver.write(framed(answer))
            await eventually(lambda: len(collector.spans) == 6)

    asyncio.run(story())
    assert by_id(collector)["C2"]["integration.outcome"] == "rejected"
    assert by_id(collector)["C1"]["integration.outcome"] == "accepted"


def test_an_unanswered_batch_leaves_its_messages_unanswered(collector: Collector, tmp_path: Path) -> None:
    async def story() -> None:
        async with conversation(collector, tmp_path, ack_timeout_seconds=0.1) as (_, sender, _receiver, _r):
            sender.write(framed(batch()))
            await eventually(lambda: len(collector.spans) == 4)

    asyncio.run(story())
    assert {s["integration.outcome"] for s in collector.spans} == {"timeout"}


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80), st.sampled_from([b"FHS", b"BHS", b"\xef\xbb\xbfBHS", b"\r\nFHS|"]))
def test_no_envelope_is_too_odd(rest: bytes, head: bytes) -> None:
    found = open_batch(head + rest)
    assert found is not None
    assert sum(part.messages for part in found.parts) == len(found.messages)
    assert open_batch(b"MSH" + rest) is None
