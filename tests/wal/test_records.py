"""Records in a segment: whatever happens to the bytes, every sound record is found and no damaged one is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collector.wal.records import HEADER, MAGIC, header, scan

BODIES = [b"first", b"", b"third record", MAGIC * 3]


def segment(bodies: list[bytes]) -> bytes:
    return b"".join(header(body) + body for body in bodies)


def test_a_segment_reads_back_as_it_was_written() -> None:
    found = scan(segment(BODIES))
    assert [bytes(body) for body in found.bodies] == BODIES
    assert found.gaps == []
    assert found.end == len(segment(BODIES))


def test_an_empty_file_holds_nothing() -> None:
    assert scan(b"").bodies == []


def test_cut_at_every_byte_of_the_last_record_the_ones_before_stay() -> None:
    data = segment(BODIES)
    last = len(data) - HEADER.size - len(BODIES[-1])
    for cut in range(last, len(data)):
        found = scan(data[:cut])
        assert [bytes(body) for body in found.bodies] == BODIES[:-1], cut
        assert found.end == last


def test_every_flipped_byte_of_the_last_record_makes_it_a_torn_tail() -> None:
    data = segment(BODIES)
    last = len(data) - HEADER.size - len(BODIES[-1])
    for at in range(last, len(data)):
        broken = bytearray(data)
        broken[at] ^= 0x41
        found = scan(bytes(broken))
        assert [bytes(body) for body in found.bodies] == BODIES[:-1], at
        assert found.end == last
        assert found.gaps == []


def test_damage_in_the_middle_costs_one_record_and_is_reported() -> None:
    data = bytearray(segment(BODIES))
    first = HEADER.size + len(BODIES[0])
    third = first + HEADER.size + len(BODIES[1])
    data[third + HEADER.size] ^= 0xFF
    found = scan(bytes(data))
    assert [bytes(body) for body in found.bodies] == [BODIES[0], BODIES[1], BODIES[3]]
    assert found.gaps == [(third, HEADER.size + len(BODIES[2]))]


def test_a_length_that_points_beyond_the_file_does_not_hide_the_records_behind_it() -> None:
    data = bytearray(segment(BODIES))
    data[4:8] = b"\xff\xff\xff\x7f"
    assert [bytes(body) for body in scan(bytes(data)).bodies] == BODIES[1:]


def test_a_tail_of_zeros_is_a_tail() -> None:
    found = scan(segment(BODIES) + bytes(4096))
    assert [bytes(body) for body in found.bodies] == BODIES
    assert found.end == len(segment(BODIES))


@given(st.binary(max_size=300))
def test_no_bytes_whatever_raise(data: bytes) -> None:
    found = scan(data)
    assert found.end <= len(data)


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=6), st.data())
def test_a_damaged_byte_never_makes_up_a_body(bodies: list[bytes], data: st.DataObject) -> None:
    whole = bytearray(segment(bodies))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    found = [bytes(body) for body in scan(bytes(whole)).bodies]
    assert len(found) >= len(bodies) - 1
    assert all(body in bodies for body in found)
