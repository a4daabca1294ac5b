"""Whole reads take a short way past deframer and pairing; in pieces, the same bytes take the long one."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from collector.taps.config import MllpInterface
from collector.taps.fast_hl7 import accepts
from collector.taps.hops import KeyEncoder
from collector.taps.mllp import MllpCounters, MllpWatcher
from collector.taps.observe_hl7 import Hl7Observer
from tests.taps.world import SEALER, Kept, ack, adt, framed, interfaces

BASE = {"name": "ehr-adt", "kind": "mllp", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:9"}
CONTROLS = ("C1", "C2", "C1", "A-7", "", "C1234")
REQUESTS = [framed(adt(control=control)) for control in CONTROLS] + [
    framed(b"no message"),
    b"\x0b\x06\x1c\r",
    b"noise",
    framed(adt(control="C1"))[:-1],
    framed(adt(control="C1")) + framed(adt(control="C2")),
]
RESPONSES = [framed(ack(control)) for control in CONTROLS] + [
    framed(ack("C1", "AE", error="207")),
    framed(ack("C1", "CA")),
    framed(ack("C2", "AR")),
    framed(ack("C12")),
    framed(b"MSH|^~\\&|A|B\rMSA|AA\r"),
    framed(b"MSH|^~\\&|A|B\rMSA|AE|C1\rMSA|AA|C1\r"),
    framed(b"no acknowledgement"),
    b"\x0b\x06\x1c\r",
    b"noise",
    framed(ack("C1"))[:-1],
    framed(ack("C1")) + framed(ack("C2")),
]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just(True), st.sampled_from(REQUESTS)),
        st.tuples(st.just(False), st.sampled_from(RESPONSES)),
    ),
    max_size=12,
)


def watch(steps: list[tuple[bool, bytes]], cut: bool) -> tuple[list[object], MllpCounters]:
    async def run() -> tuple[list[object], MllpCounters]:
        (interface,) = interfaces(BASE)
        assert isinstance(interface, MllpInterface)
        sink, counters = Kept(), MllpCounters()
        watcher = MllpWatcher(interface, Hl7Observer(interface, KeyEncoder(SEALER), sink), counters)
        for number, (is_request, data) in enumerate(steps):
            take = watcher.request if is_request else watcher.response
            for piece in (data[:9], data[9:]) if cut else (data,):
                if piece:
                    take(piece, 1_000 + number)
        if watcher._timer is not None:
            watcher._timer.cancel()
        return list(sink.spans), counters

    return asyncio.run(run())


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_both_ways_give_the_same_spans(steps: list[tuple[bool, bytes]]) -> None:
    assert watch(steps, cut=False) == watch(steps, cut=True)


def test_what_accepts_a_message() -> None:
    assert accepts(framed(ack("C1")), b"C1")
    assert accepts(framed(b"MSH|^~\\&|A|B\rMSA|AA|C1|fine"), b"C1")
    for other in (
        ack("C2"),
        ack("C12"),
        ack("C1", "AE"),
        ack("C1", "CA"),
        b"MSH|^~\\&|A|B\rMSA|AE|C1\rMSA|AA|C1\r",
        b"MSH$%~\\&$A$B\rMSA|AA|C1\r",
        b"MSH|^~\\&|A|B\rNTE|MSA|AA|C1\r",
        b"",
    ):
        assert not accepts(framed(other), b"C1")
