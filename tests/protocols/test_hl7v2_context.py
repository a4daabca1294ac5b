"""Context in a trailing ZTC segment: put in, found again, and taken out without a trace."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracing.protocols.hl7v2_batch import split_batch
from tracing.protocols.hl7v2_context import carried, inject, strip

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
MESSAGE = b"MSH|^~\\&|EHR|NSH|ENGINE|NSH|20260301||ADT^A03|C1|P|2.5.1\rPID|1||M1\r"
pieces = st.sampled_from(
    [
        b"\r",
        b"\n",
        b"\r\n",
        b"ZTC|",
        b"ZTC",
        b"ZTC|" + PARENT.encode(),
        b"|",
        b"PID|1||X",
        b" ",
        b"\xe4",
        b"MSH|",
    ]
)


def test_every_message_of_the_corpus_comes_back_byte_for_byte(simhospital: bytes) -> None:
    raw = [text.strip(b"\n") for text in simhospital.split(b"\n\n") if text.strip()]
    assert len(raw) == 1013
    for message in raw + split_batch(simhospital):
        changed = inject(message, PARENT, "vendor=value")
        assert changed != message
        assert carried(changed) == (PARENT, "vendor=value")
        assert strip(changed) == message
        assert strip(message) == message


@settings(max_examples=300, deadline=None)
@given(st.lists(pieces, max_size=12), st.sampled_from([b"|", b"#", b"$"]), st.sampled_from(["", "a=b", "x"]))
def test_whatever_was_put_in_comes_out_again(parts: list[bytes], separator: bytes, state: str) -> None:
    message = b"MSH" + separator + b"^~\\&" + separator + b"EHR" + b"".join(parts)
    changed = inject(message, PARENT, state)
    if changed != message:
        assert strip(changed) == message
    if carried(message) is None:
        assert strip(message) == message


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b""])
@pytest.mark.parametrize("state", ["", "a=b"])
def test_any_line_end_is_kept(end: bytes, state: str) -> None:
    message = b"MSH|^~\\&|EHR" + (end or b"\r") + b"PID|1||M1" + end
    changed = inject(message, PARENT, state)
    assert carried(changed) == (PARENT, state)
    assert strip(changed) == message


@pytest.mark.parametrize(
    "segment",
    [
        b"ZTC|something else|1",
        b"ZTC|" + PARENT.upper().encode(),
        b"ZTC|ff-" + PARENT[3:].encode(),
        b"ZTCX|" + PARENT.encode(),
        b"ZTC|" + PARENT.encode() + b"|a=b|and more",
    ],
)
def test_a_segment_of_the_same_name_that_is_not_ours_stays(segment: bytes) -> None:
    for message in (MESSAGE + segment + b"\r", MESSAGE + segment, MESSAGE + segment + b"\rPV1|1\r"):
        assert strip(message) == message
        assert carried(message) is None


def test_an_engine_may_move_it_or_drop_what_ends_it() -> None:
    ours = b"ZTC|" + PARENT.encode()
    assert strip(MESSAGE + ours + b"\rZXX|1\r") == MESSAGE + b"ZXX|1\r"
    assert strip(MESSAGE + ours + b"|\r") == MESSAGE
    assert strip(MESSAGE + ours) == MESSAGE[:-1]


def test_what_has_a_context_or_is_no_single_message_is_left_alone() -> None:
    once = inject(MESSAGE, PARENT)
    assert inject(once, PARENT.replace("b7", "c8")) == once
    for other in (b"", b"no message", b"BHS|^~\\&|A\r" + MESSAGE + b"BTS|1\r", b"MSH", b"MSH\r\rPID"):
        assert inject(other, PARENT) == other
