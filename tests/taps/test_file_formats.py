"""Files of HL7 messages, FHIR resources, JSON lines and fixed-width rows; and damaged ones of each."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.taps.config import FolderInterface, TapConfigError
from collector.taps.file_observers import file_observer
from collector.taps.hops import KeyEncoder
from collector.taps.observe_files import FileObserver
from tests.taps.world import CORPUS, SEALER, Kept, ack, adt, framed, interfaces, token
from tracing import attributes

FIXED = {"columns": [{"name": "Visit", "start": 1, "length": 4}, {"name": "Beds", "start": 5, "length": 3}]}


def observer(sink: Kept, format_: str, **told: Any) -> FileObserver:
    (interface,) = interfaces({"name": "in", "kind": "folder", "path": "x", "format": format_} | told)
    assert isinstance(interface, FolderInterface)
    return file_observer(interface, KeyEncoder(SEALER), sink)


def test_a_batch_of_hl7_messages_is_a_span_each(sink: Kept) -> None:
    data = b"FHS|^~\\&\rBHS|^~\\&\r" + adt("C1") + adt("C2", visit="V2") + b"BTS|3\rFTS|1\r"
    read = observer(sink, "hl7")
    assert read.observe(data, 5) == 2
    first, second = sink.spans
    assert (first.name, first["messaging.operation.name"], first.start) == ("receive in", "receive", 5)
    assert (first.scope["messaging.system"], first["integration.outcome"]) == ("hl7v2", "accepted")
    assert (first.trace, second.trace) == (token("visit", "V1"), token("visit", "V2"))
    assert [trouble.what for trouble in read.troubles] == ["BTS-1 declares 3 messages, 2 were read"]
    for seen in sink.spans:
        assert all(attributes.find(name) for name in [*seen.attributes, *seen.scope])


@pytest.mark.parametrize(
    "write",
    [
        lambda messages: b"\n".join(messages),
        lambda messages: b"\xef\xbb\xbf" + b"\r\n\r\n".join(one.replace(b"\r", b"\r\n") for one in messages),
        lambda messages: b"".join(one.replace(b"\r", b"\n") for one in messages),
        lambda messages: b"".join(map(framed, messages)),
        lambda messages: b"\n".join(map(framed, messages)) + b"\n",
    ],
    ids=["blank lines", "CRLF and a mark", "LF", "MLLP", "MLLP by line"],
)
def test_hl7_files_are_written_in_many_ways(sink: Kept, write: Any) -> None:
    messages = [adt(f"C{number}", visit=f"V{number}") for number in range(5)]
    read = observer(sink, "hl7")
    assert read.observe(write(messages), 5) == 5
    assert [span["messaging.message.id"] for span in sink.spans] == [f"C{number}" for number in range(5)]
    assert read.troubles == []


def test_an_acknowledgement_stored_behind_its_message_says_how_it_went(sink: Kept) -> None:
    data = adt("C1") + adt("C2") + ack("C2", "AE", error="207") + ack("C1")
    assert observer(sink, "hl7").observe(data, 5) == 2
    by_id = {span["messaging.message.id"]: span for span in sink.spans}
    assert (by_id["C1"]["integration.outcome"], by_id["C2"]["integration.outcome"]) == ("accepted", "error")


def test_what_stands_between_messages_is_located(sink: Kept) -> None:
    read = observer(sink, "hl7")
    read.observe(b"JANE DOE\r" + adt("C1") + framed(adt("C2")) + b"rest\r" + adt("C3"), 5)
    where = [trouble.where for trouble in read.troubles]
    assert where == ["byte 0", f"byte {9 + len(adt()) + 1 + len(adt()) + 2}"]
    assert read.unread == 2
    assert sink.spans[-1]["integration.unread.at"] == 0
    assert len([span for span in sink.spans if span.tokens]) == 3
    assert b"JANE" not in sink.bytes


def test_fhir_lines_have_keys_and_bad_ones_are_located(sink: Kept) -> None:
    lines = [
        b'{"resourceType":"Encounter","id":"e1","identifier":[{"value":"V1"}]}',
        b'{"resourceType":"Patient","identifier":[{"value":"JANE"}]',
        b"",
        b"[1]",
        b'{"resourceType":"Observation"}',
    ]
    read = observer(sink, "fhir")
    read.observe(b"\r\n".join(lines), 5)
    first, second, unread = sink.spans
    assert "visit" in first.tokens
    assert (first["integration.message"], second["integration.message"]) == ("Encounter", "Observation")
    assert [trouble.where for trouble in read.troubles] == ["line 2", "line 4"]
    assert (unread["integration.unread.at"], unread["integration.unread.count"]) == (2, 2)


def test_json_lines_and_fixed_rows_give_keys_measures_and_codes(sink: Kept) -> None:
    keys = [{"kind": "visit", "pointer": "/visit"}]
    read = observer(
        sink, "ndjson", keys=keys, measures={"beds": "/n"}, attributes={"unit": "/unit"}, message="census"
    )
    read.observe(b'{"visit": 17, "n": 2, "unit": "ICU"}\n', 5)
    columns = [{"kind": "visit", "column": "Visit"}]
    observer(sink, "fixed", fixed=FIXED, keys=columns, measures={"beds": "Beds"}).observe(b"V001  2\n", 5)
    line, row = sink.spans
    assert line.tokens == {"visit": token("visit", "17")}
    assert line["integration.message"] == "census"
    assert line["integration.attribute.unit"] == "ICU"
    assert row.trace == token("visit", "V001")
    assert line["integration.measure.beds"] == row["integration.measure.beds"] == 2


def test_a_row_can_say_when_it_was(sink: Kept) -> None:
    time = {"column": "At", "format": "%m/%d/%Y %H:%M", "zone": "America/Chicago"}
    read = observer(sink, "delimited", time=time)
    read.observe(b"At\n01/02/2026 12:00\nyesterday\n", 5)
    assert sink.spans[0].start == 1_767_376_800_000_000_000
    assert [(trouble.where, trouble.unread) for trouble in read.troubles] == [("line 3", True)]


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"format": "delimited", "keys": [{"kind": "visit", "path": "PV1-19"}]}, "needs `column`"),
        ({"format": "x12", "keys": [{"kind": "visit", "column": "a"}]}, "knows its keys"),
        ({"format": "fixed"}, "name its columns"),
        ({"format": "fixed", "fixed": FIXED, "measures": {"x": "Unit"}}, "'Unit' is not in the layout"),
        ({"format": "delimited", "encoding": "utf-9"}, "no character set"),
        ({"format": "hl7", "keys": [{"kind": "visit", "path": "PV1-"}]}, "PV1-"),
        ({"complete": "marker", "marker": "done"}, "pattern"),
    ],
)
def test_a_wrong_layout_is_refused_at_start(told: dict[str, Any], why: str) -> None:
    with pytest.raises(TapConfigError, match=why):
        interfaces({"name": "in", "kind": "folder", "path": "x"} | told)


SEEDS = [
    adt() + ack("C1"),
    b"FHS|^~\\&\rBHS|^~\\&\r" + framed(adt()) + b"BTS|1\r",
    b"ISA*00*          *00*          *ZZ*A              *ZZ*B              *260301*1200*^*00501*000000001"
    b"*0*T*:~GS*HC*A*B*20260301*1200*7*X*005010X222A1~ST*837*0001~BHT*0019*00*R~CLM*A1*1~SE*4*0001~GE*1*7~"
    b"IEA*1*000000001~",
    b'{"resourceType":"Encounter","identifier":[{"value":"V1"}]}\n{"a":[[[[1e999]]]]}\n',
    b'Visit,Beds\n"V1",2\n"V2,3\nV4,4\n',
]
READERS: list[tuple[str, dict[str, Any]]] = [
    ("x12", {}),
    ("hl7", {}),
    ("fhir", {}),
    ("ndjson", {"keys": [{"kind": "visit", "pointer": "/a/0"}]}),
    ("delimited", {"keys": [{"kind": "visit", "column": "Visit"}], "measures": {"beds": "Beds"}}),
    ("fixed", {"fixed": FIXED, "keys": [{"kind": "visit", "column": "Visit"}]}),
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A file as it may arrive: a seed with pieces cut out, doubled, or overwritten."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(0, 6))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 40)))
        piece = bytes(data[start:end])
        data[start:end] = draw(st.sampled_from([b"", piece * 2, b"\x00", b"\xff\xfe", b"~*|\r\n\x0b\x1c"]))
    return bytes(data) if draw(st.booleans()) else draw(st.binary(max_size=200)) + bytes(data)


@pytest.mark.parametrize(("format_", "told"), READERS, ids=[reader[0] for reader in READERS])
@settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
@given(data=damaged(), skip=st.integers(0, 300))
def test_nothing_in_a_file_gets_out_as_an_exception(
    format_: str, told: dict[str, Any], data: bytes, skip: int
) -> None:
    sink = Kept()
    read = observer(sink, format_, **told)
    read.observe(data, 5)
    assert "the reader failed" not in [trouble.what for trouble in read.troubles]
    assert len(sink.spans) == len([span for span in sink.spans if span.start >= 0])
    read.observe(data, 5, skip=min(skip, len(data)))


def test_every_file_of_the_corpus_goes_through(sink: Kept) -> None:
    if not CORPUS.exists():
        pytest.skip("the corpus is not here")
    x12, hl7 = observer(sink, "x12"), observer(sink, "hl7")
    told = {}
    for path in sorted((CORPUS / "x12").rglob("*.txt")):
        assert x12.observe(path.read_bytes(), 1) > 0
        told[path.name] = [(trouble.what, trouble.where) for trouble in x12.troubles]
        assert all(where.startswith("byte ") for _, where in told[path.name])
    assert x12.unread == 1
    assert told["x12_no_isa_line.txt"] == [("no ISA segment where the interchange should begin", "byte 0")]
    bad = [where for what, where in told["x12_bad_segment_identifier.txt"] if "identifier" in what]
    assert bad == ["byte 280", "byte 444", "byte 659"]
    assert "ISA02 has 9 characters" in told["x12_bad_first_line.txt"][0][0]
    assert hl7.observe((CORPUS / "hl7v2" / "simhospital.hl7").read_bytes(), 1) == 1013
    assert hl7.troubles == []
