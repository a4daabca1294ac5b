"""Archives cut into pieces, times read, and tallies kept."""

from __future__ import annotations

import io
from datetime import UTC, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.archives.hl7_files import Stored, stored_messages
from collector.archives.load import Pacer
from collector.archives.sources import kind_of, pieces
from collector.archives.times import hl7_time, x12_time
from collector.archives.unpack import PackedError, unpack
from tests.taps.world import adt, framed


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("20260301120000", 1_772_366_400),
        ("20260301120000.5-0600", 1_772_388_000.5),
        ("202603011200", 1_772_366_400),
        ("20260301", 1_772_323_200),
        ("20260301120060", 1_772_366_459),
        ("20261301", None),
        ("", None),
        (None, None),
        ("yesterday", None),
        ("18500101", None),
        ("202603", None),
    ],
)
def test_times_of_hl7(text: str | None, seconds: float | None) -> None:
    assert hl7_time(text, UTC) == (None if seconds is None else int(seconds * 10**9))


def test_times_of_x12() -> None:
    assert x12_time("20260301", "1200", UTC) == x12_time("260301", "120000", UTC) == 1_772_366_400 * 10**9
    assert x12_time("19991231", "0802", UTC) == x12_time("991231", "0802", UTC)
    assert x12_time("20260301", "12000050", UTC) == 1_772_366_400_500_000_000
    for date, time in (("", ""), ("20260301", ""), ("20261301", "1200"), ("٢٠٢٦٠٣٠١", "1200")):
        assert x12_time(date, time, UTC) is None


def test_a_zone_is_used_only_where_the_message_names_none() -> None:
    chicago = ZoneInfo("America/Chicago")
    assert hl7_time("20260701120000", chicago) == hl7_time("20260701120000-0500", UTC)
    assert hl7_time("20260701120000+0000", chicago) == hl7_time("20260701120000", UTC)


@settings(max_examples=100)
@given(st.text(alphabet="0123456789.+-", max_size=26))
def test_no_time_raises(text: str) -> None:
    for zone in (UTC, timezone(timedelta(hours=-23))):
        hl7_time(text, zone)
        x12_time(text[:8], text[8:], zone)


@pytest.mark.parametrize("wrap", [bytes, framed])
def test_a_large_file_is_cut_between_messages(wrap: type[bytes]) -> None:
    data = b"".join(wrap(adt(f"C{number}")) for number in range(40))
    whole = [one for one in stored_messages(data) if isinstance(one, Stored)]
    cut = list(pieces(io.BytesIO(data), "hl7", 1 << 30, size=1000))
    assert len(cut) > 5
    assert b"".join(piece.data for piece in cut) == data
    found = [
        Stored(piece.offset + one.offset, one.payload)
        for piece in cut
        for one in stored_messages(piece.data)
        if isinstance(one, Stored)
    ]
    assert found == whole
    assert len(found) == 40


def test_lines_are_cut_and_counted() -> None:
    data = b"".join(b'{"n": %d}\n' % number for number in range(100))
    cut = list(pieces(io.BytesIO(data), "ndjson", 1 << 30, size=64))
    assert b"".join(piece.data for piece in cut) == data
    assert [piece.line for piece in cut] == [data.count(b"\n", 0, piece.offset) for piece in cut]
    long = b'{"a": "' + b"x" * 500 + b'"}\n'
    assert [piece.data for piece in pieces(io.BytesIO(long * 2), "ndjson", 1 << 20, size=100)] == [long, long]


def test_the_first_bytes_say_what_a_file_is() -> None:
    assert kind_of(b"\xef\xbb\xbf\r\nMSH|") == kind_of(framed(adt())) == "hl7"
    assert (kind_of(b"ISA*00"), kind_of(b'{"resourceType"'), kind_of(b"a,b")) == ("x12", "fhir", "")


@settings(max_examples=150)
@given(st.binary(max_size=300), st.sampled_from([b"", b"\x1f\x8b\x08", b"PK\x03\x04", b"PK\x05\x06"]))
def test_whatever_is_packed_either_comes_out_or_is_refused(data: bytes, start: bytes) -> None:
    try:
        assert sum(map(len, unpack(start + data, 10_000))) <= 10_000
    except PackedError:
        assert start


@settings(max_examples=60)
@given(
    st.lists(
        st.sampled_from([adt(), framed(adt("C2")), b"\r", b"junk\r", b"BHS|^~\\&\r", b"BTS|1\r", b"\x1c"])
    )
)
def test_no_message_of_a_file_is_missed(parts: list[bytes]) -> None:
    data = b"\r".join(parts)
    found = [one for one in stored_messages(data) if isinstance(one, Stored)]
    assert len(found) == sum(part.startswith((b"MSH", b"\x0bMSH")) for part in parts)
    for one in found:
        assert data[one.offset :].startswith(b"MSH")


def test_a_pace_is_asked_for_every_few_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("collector.archives.load.time.sleep", waits.append)
    throttled: list[int] = []
    pacer = Pacer(1000.0, lambda: throttled.append(1))
    for messages in range(1, 101):
        pacer.wait(messages)
    assert len(throttled) == 5
    assert 0 < sum(waits) / len(waits) <= 0.1
