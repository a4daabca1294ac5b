"""MLLP framing: whatever the network does to the bytes, the frames are the same and none is lost."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracing.protocols.mllp import COMMIT_ACK, COMMIT_NAK, Deframer, Frame, Junk, MllpError, frame

# Few different bytes, so that generated streams are full of block marks in odd places.
STREAMS = st.lists(
    st.one_of(
        st.binary(max_size=12).map(lambda body: b"\x0b" + body.replace(b"\x1c", b"") + b"\x1c\r"),
        st.lists(st.sampled_from([b"\x0b", b"\x1c", b"\r", b"\n", b"M", b"|"]), max_size=12).map(b"".join),
    ),
    max_size=8,
).map(b"".join)


def read(chunks: list[bytes], max_payload: int | None = None) -> list[Frame | Junk]:
    deframer = Deframer(max_payload)
    return [item for chunk in chunks for item in deframer.feed(chunk)] + deframer.close()


def frames(items: list[Frame | Junk]) -> list[Frame]:
    return [item for item in items if isinstance(item, Frame)]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:stop] for start, stop in pairwise(edges)]


def test_one_read_with_one_frame_is_that_frame_and_its_exact_bytes() -> None:
    wire = frame(b"MSH|^~\\&|EHR")
    assert Deframer().feed(wire) == [Frame(b"MSH|^~\\&|EHR", wire)]


def test_many_frames_arrive_in_one_read() -> None:
    wire = frame(b"one") + frame(b"two") + frame(b"three")
    assert [item.payload for item in frames(Deframer().feed(wire))] == [b"one", b"two", b"three"]


def test_one_frame_arrives_byte_by_byte() -> None:
    wire = frame(b"MSH|slow line")
    assert read([wire[n : n + 1] for n in range(len(wire))]) == [Frame(b"MSH|slow line", wire)]


def test_bytes_before_the_start_block_are_handed_back_as_noise() -> None:
    assert read([b"\r\nhello" + frame(b"A")]) == [Junk(b"\r\nhello"), Frame(b"A", frame(b"A"))]


def test_an_empty_frame_is_a_frame() -> None:
    assert read([b"\x0b\x1c\r"]) == [Frame(b"", b"\x0b\x1c\r")]


def test_a_missing_carriage_return_does_not_glue_two_messages() -> None:
    assert read([b"\x0bA\x1c\x0bB\x1c\r"]) == [Frame(b"A", b"\x0bA\x1c"), Frame(b"B", b"\x0bB\x1c\r")]


def test_a_line_feed_instead_of_the_carriage_return_ends_the_frame_too() -> None:
    assert read([b"\x0bA\x1c\n\x0bB\x1c\r"]) == [
        Frame(b"A", b"\x0bA\x1c"),
        Junk(b"\n"),
        Frame(b"B", b"\x0bB\x1c\r"),
    ]


def test_the_caller_may_stop_waiting_for_a_carriage_return() -> None:
    deframer = Deframer()
    assert deframer.feed(b"\x0bA\x1c") == []
    assert deframer.awaiting_cr
    assert deframer.flush() == [Frame(b"A", b"\x0bA\x1c")]
    assert not deframer.awaiting_cr
    assert deframer.feed(b"\r" + frame(b"B")) == [Junk(b"\r"), Frame(b"B", frame(b"B"))]


def test_flushing_leaves_an_open_frame_open() -> None:
    deframer = Deframer()
    deframer.feed(b"\x0bhalf")
    assert deframer.flush() == []
    assert deframer.feed(b" and half\x1c\r") == [Frame(b"half and half", b"\x0bhalf and half\x1c\r")]


def test_a_stream_that_ends_inside_a_frame_says_so() -> None:
    assert read([b"\x0bMSH|cut"]) == [Junk(b"\x0bMSH|cut", "incomplete")]


def test_a_closed_deframer_serves_the_next_connection() -> None:
    deframer = Deframer()
    deframer.feed(b"\x0bMSH|cut")
    deframer.close()
    assert deframer.feed(frame(b"A")) == [Frame(b"A", frame(b"A"))]


def test_a_vertical_tab_in_the_text_is_content() -> None:
    assert read([b"\x0bNTE|a\x0bb\x1c\r"])[0] == Frame(b"NTE|a\x0bb", b"\x0bNTE|a\x0bb\x1c\r")


def test_commit_acknowledgements_of_release_2_are_recognised() -> None:
    assert [item.commit for item in Deframer().feed(COMMIT_ACK + COMMIT_NAK + frame(b"MSH"))] == [
        "ack",
        "nak",
        None,
    ]
    assert [item.commit for item in Deframer().feed(b"\x06")] == ["ack"]


def test_a_frame_longer_than_the_limit_passes_in_pieces_and_is_not_held() -> None:
    deframer = Deframer(max_payload=10)
    assert deframer.feed(b"\x0b" + b"x" * 20) == [Junk(b"\x0b" + b"x" * 20, "oversize")]
    assert deframer.pending == 0
    assert deframer.feed(b"y" * 5) == [Junk(b"y" * 5, "oversize")]
    assert deframer.feed(b"z\x1c\r" + frame(b"A")) == [
        Junk(b"z\x1c\r", "oversize_end"),
        Frame(b"A", frame(b"A")),
    ]


def test_a_frame_of_exactly_the_limit_is_a_frame() -> None:
    assert frames(read([frame(b"x" * 10), frame(b"x" * 11)], 10)) == [Frame(b"x" * 10, frame(b"x" * 10))]


def test_a_payload_with_an_end_block_byte_cannot_be_framed() -> None:
    with pytest.raises(MllpError, match="0x1C"):
        frame(b"MSH|\x1c|")


@given(STREAMS, st.lists(st.integers(0, 200), max_size=12), st.sampled_from([None, 0, 3, 8]))
def test_any_split_of_the_bytes_gives_the_same_frames(
    data: bytes, places: list[int], max_payload: int | None
) -> None:
    assert frames(read(cut(data, places), max_payload)) == frames(read([data], max_payload))


@given(STREAMS, st.lists(st.integers(0, 200), max_size=12), st.sampled_from([None, 0, 3, 8]))
def test_what_comes_out_is_byte_for_byte_what_went_in(
    data: bytes, places: list[int], max_payload: int | None
) -> None:
    assert b"".join(item.raw for item in read(cut(data, places), max_payload)) == data


@given(st.lists(st.binary(max_size=40).map(lambda body: body.replace(b"\x1c", b"")), max_size=6))
def test_what_was_framed_is_read_back(payloads: list[bytes]) -> None:
    items = read([b"".join(map(frame, payloads))])
    assert [item.payload for item in frames(items)] == payloads


@given(STREAMS, st.integers(0, 8))
def test_no_more_than_the_limit_is_held_in_memory(data: bytes, max_payload: int) -> None:
    deframer = Deframer(max_payload)
    for number in range(len(data)):
        deframer.feed(data[number : number + 1])
        assert deframer.pending <= max_payload + len(b"\x0b\x1c")
