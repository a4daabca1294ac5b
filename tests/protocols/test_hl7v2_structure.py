"""The shape of a message: the same for any values, another when something new is used."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracing.protocols.hl7v2 import NotHL7, compile_path
from tracing.protocols.hl7v2_batch import split_batch
from tracing.protocols.hl7v2_structure import MAX_SHAPE, Structures, structure

HEAD = b"MSH|^~\\&|EHR|NSH|ENGINE|NSH|20260301||ADT^A03|C1|P|2.5.1\r"
MESSAGE = HEAD + b"PID|1||M1^^^NSH\rPV1|1|I|4W\rOBX|1|NM|1\rOBX|2|NM|2||H\r"
line = st.lists(st.sampled_from([b"", b"x", b"VALUE", b"a^b", b'""']), max_size=6).map(b"|".join)
segments = st.lists(st.tuples(st.sampled_from([b"PID", b"PV1", b"OBX", b"Z1", b"note"]), line), max_size=8)


def test_a_shape_says_segments_and_fields_and_no_values() -> None:
    found = structure(MESSAGE)
    assert found.shape == "MSH:1-7,9-12 PID:1,3 PV1:1-3 OBX:1-3,5 MSH-12=2.5.1"
    assert found.fingerprint == "cf0591c00bc48662"  # the same in every process and release


def test_values_and_repetitions_change_nothing() -> None:
    other = (
        MESSAGE.replace(b"M1^^^NSH", b"M9999~M2").replace(b"C1", b"CTRL-8").replace(b"|1|NM|1", b"|7|NM|123")
    )
    assert structure(other + b"OBX|3|NM|5\r") == structure(MESSAGE)


@pytest.mark.parametrize(
    "changed",
    [
        MESSAGE.replace(b"|4W", b"|4W|E"),
        MESSAGE + b"ZBX|1\r",
        MESSAGE.replace(b"2.5.1", b"2.6"),
        MESSAGE.replace(b"PV1|1|I|4W\r", b""),
        MESSAGE.replace(b"||M1", b"|7|M1"),
    ],
)
def test_whatever_was_never_used_before_changes_it(changed: bytes) -> None:
    assert structure(changed).fingerprint != structure(MESSAGE).fingerprint


def test_codes_of_chosen_fields_count_and_free_text_never_does() -> None:
    chosen = (compile_path("PV1-2"), compile_path("OBX-2"), compile_path("OBX-5"))
    found = structure(MESSAGE + b"OBX|3|ST|x||JANE DOE\r", chosen)
    assert found.shape.endswith("MSH-12=2.5.1 PV1-2=I OBX-2=NM,ST OBX-5=H")
    assert structure(MESSAGE.replace(b"|I|", b"|O|"), chosen) != structure(MESSAGE, chosen)


def test_text_that_looks_like_a_line_is_no_segment() -> None:
    assert structure(MESSAGE + b"JANE DOE\rDOE\rcalled | twice\r") == structure(MESSAGE)


@settings(max_examples=200, deadline=None)
@given(segments, st.booleans())
def test_the_remembered_way_agrees(parts: list[tuple[bytes, bytes]], ended: bool) -> None:
    known = Structures()
    for values in (b"VALUE", b"V"):
        message = HEAD + b"\r".join(name + b"|" + fields for name, fields in parts) + b"\r" * ended
        message = message.replace(b"VALUE", values)
        assert known.of(message) == structure(message)


def test_a_hospital_has_few_shapes(simhospital: bytes) -> None:
    messages = split_batch(simhospital)
    known = Structures()
    found = Counter(known.of(message) for message in messages)
    assert len(found) == 22
    assert all(known.of(message) == structure(message) for message in messages)


def test_what_is_no_message_has_no_shape() -> None:
    assert Structures().of(b"no message") is None
    with pytest.raises(NotHL7):
        structure(b"no message")


def test_a_shape_is_bounded() -> None:
    message = HEAD + b"".join(b"Z%02X|%b\r" % (n, b"|x" * 50) for n in range(256))
    assert len(structure(message).shape) <= MAX_SHAPE


def test_a_version_that_is_none_is_not_let_out() -> None:
    found = structure(MESSAGE.replace(b"2.5.1", b"DOE"))
    assert "DOE" not in found.shape
    assert found.shape.endswith("OBX:1-3,5")
