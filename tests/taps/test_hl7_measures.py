"""What a charge counts and costs leaves the tap as numbers, and nothing else does."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.taps.config import TapConfigError
from collector.taps.replay import Observer
from tests.taps.test_mllp import tapped
from tests.taps.test_observe_hl7 import assert_alike, observe
from tests.taps.world import (
    SITE,
    Collector,
    Kept,
    MllpReceiver,
    ack,
    adt,
    eventually,
    framed,
    interfaces,
    token,
)

QUANTITY, AMOUNT = "integration.measure.quantity", "integration.measure.amount"
CURRENCY = "integration.attribute.currency"


def charge(quantity: str, amount: str, kind: str = "CG", number: int = 1) -> str:
    return f"FT1|{number}|T{number}||20260301|20260301|{kind}|99238^Visit^CPT4|||{quantity}|{amount}||CC1\r"


def dft(*charges: str) -> bytes:
    return adt(message="DFT^P03") + "".join(charges).encode()


def said(sink: Kept, *charges: str, **extra: Any) -> tuple[Any, Any, Any]:
    seen = observe(sink, dft(*charges), ack("C1"), **extra)
    return seen[QUANTITY], seen[AMOUNT], seen[CURRENCY]


@pytest.mark.parametrize(
    ("charges", "expected"),
    [
        ([charge("1", "1234.50&USD")], (1.0, 1234.5, "USD")),
        ([charge("2", "0.1&USD"), charge("3", "0.2&USD")], (5.0, 0.3, "USD")),
        ([charge("1", "100^TP")], (1.0, 100.0, None)),  # a price type is no currency
        ([charge("1", "100^EUR")], (1.0, 100.0, "EUR")),  # MO, as before version 2.3
        ([charge("3", "90"), charge("1", "30", "CD")], (2.0, 60.0, None)),
        ([charge("3", "90"), charge("-1", "-30", "CR")], (2.0, 60.0, None)),
        ([charge("1", "90"), charge("1", "20", "PY"), charge("1", "20", "CO")], (1.0, 90.0, None)),
        ([charge("1", "90"), charge("", "-5.5", "AJ")], (1.0, 84.5, None)),
        ([charge("", '""'), charge("1", "7")], (1.0, 7.0, None)),
        ([charge("one", "7")], (None, 7.0, None)),
        ([charge("1", "1,234.50&USD"), charge("1", "7&USD")], (2.0, None, None)),
        ([charge("1", "5&USD"), charge("1", "5&EUR")], (2.0, None, None)),
        ([charge("1e5", "nan")], (None, None, None)),
        ([charge("9" * 40, "Infinity")], (None, None, None)),
        ([], (None, None, None)),
    ],
)
def test_charges_are_added_up(sink: Kept, charges: list[str], expected: tuple[Any, Any, Any]) -> None:
    assert said(sink, *charges) == expected


def test_other_messages_measure_nothing(sink: Kept) -> None:
    for message in (adt(), adt(message="ORM^O01") + b"ORC|NW|4711\rOBR|1|4711\rOBX|1|NM|K||7.1\r"):
        assert not any("measure" in name for name in observe(sink, message, ack("C1")).attributes)


def test_an_interface_names_its_own(sink: Kept) -> None:
    given = {"doses": "RXA-6", "minutes": "ZTM-2.3.2", "second": "FT1[2]-10"}
    message = dft(charge("1", "5&USD"), charge("7", "5&USD", number=2)) + b"RXA|0|1|||V|0.5\rRXA|0|2|||V|1\r"
    seen = observe(sink, message + b"ZTM|1|a^b^c&42\r", ack("C1"), measures=given)
    assert [seen[f"integration.measure.{name}"] for name in (*given, "amount")] == [1.5, 42.0, 7.0, None]
    assert said(sink, charge("1", "5&USD"), measures={}) == (None, None, None)
    assert said(sink, charge("1", "5&USD"), attributes={"currency": "FT1-13"}) == (1.0, 5.0, "CC1")


def test_a_path_that_there_is_not_is_an_error() -> None:
    base = {"name": "a", "kind": "mllp", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:9"}
    with pytest.raises(TapConfigError, match=r"measures\.amount: .*FT1"):
        interfaces(base | {"measures": {"amount": "FT1-110"}})
    with pytest.raises(TapConfigError, match="is not an HL7 path"):
        interfaces(
            {"name": "a", "kind": "folder", "path": "a", "format": "hl7", "measures": {"amount": "/a"}}
        )


def test_the_second_patient_of_a_message_is_not_charged_to_the_first(sink: Kept) -> None:
    other = "PID|2||M2^^^NSH\r" + charge("9", "9&USD")
    assert said(sink, charge("1", "5&USD"), other) == (1.0, 5.0, "USD")


def test_a_message_that_is_read_in_part_has_no_sum(sink: Kept) -> None:
    filler = "NTE|1||" + "x" * (1 << 20) + "\r"
    assert said(sink, charge("1", "5&USD"), filler, charge("1", "5&USD", number=2)) == (None, None, None)


def test_lots_are_found_by(sink: Kept) -> None:
    given = b"RXA|0|1|20260301||V^Vaccine|1|||||||||L1~L2\rRXA|0|2|20260301||V^Vaccine|1|||||||||L3\r"
    seen = observe(sink, adt(message="VXU^V04") + given, ack("C1"))
    lots = [key.split(":")[2] for key in seen["journey.keys"] if key.startswith("lot:")]
    assert lots == [token("lot", "L1"), token("lot", "L3")]
    assert seen.trace == token("visit", "V1")


written = st.text(st.sampled_from('0123456789.+-^~&\\" UuSsDd,'), max_size=10)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(written, written, st.sampled_from(["CG", "CD", "", "py", "AJ"])), max_size=4))
def test_both_readers_agree_whatever_is_written(charges: list[tuple[str, str, str]]) -> None:
    assert_alike(dft(*(charge(*one) for one in charges)) + b"PID|2||M2\r" + charge("1", "1").encode())


@pytest.mark.parametrize("mode", ["proxy", "sink"])
def test_on_the_wire_every_message_has_its_own(collector: Collector, tmp_path: Path, mode: str) -> None:
    async def story() -> None:
        receiver = await MllpReceiver(lambda _: framed(ack("C1"))).start()
        upstream = receiver.port if mode == "proxy" else 0
        async with tapped(collector, tmp_path, upstream, mode=mode) as (_, address):
            reader, writer = await asyncio.open_connection(*address)
            batch = b"FHS|^~\\&|EHR\rBHS|^~\\&|EHR\r"
            batch += dft(charge("4", "4&USD")) + dft(charge("5", "5&USD")) + b"BTS|2\rFTS|1\r"
            for message in (dft(charge("1", "10.25&USD")), dft(charge("2", "20&EUR")), adt(), batch):
                writer.write(framed(message))
                await reader.readuntil(b"\x1c\r")
            writer.close()
            await eventually(lambda: len(collector.spans) == 6)
        await receiver.stop()

    asyncio.run(story())
    found = {(seen[QUANTITY], seen[AMOUNT], seen[CURRENCY]) for seen in collector.spans}
    assert found == {
        (1.0, 10.25, "USD"),
        (2.0, 20.0, "EUR"),
        (4.0, 4.0, "USD"),
        (5.0, 5.0, "USD"),
        (None, None, None),
    }


def test_files_have_them_too(sink: Kept) -> None:
    folder = {"name": "charges", "kind": "folder", "path": "a", "format": "hl7"}
    observer = Observer(interfaces(folder), SITE, sink)
    observer.observe_file("charges", "a.hl7", dft(charge("2", "9&USD")) + dft(charge("1", "1&USD")), 1)
    assert [(seen[QUANTITY], seen[AMOUNT]) for seen in sink.spans] == [(2.0, 9.0), (1.0, 1.0)]
