"""A thousand messages of a simulated hospital: every one framed, read, and its keys found."""

from __future__ import annotations

from collections import Counter

from tracing.protocols.hl7v2 import compile_path, parse, split_batch
from tracing.protocols.mllp import Deframer, Frame, frame

VISIT, PATIENT = compile_path("PV1-19"), compile_path("PID-3")


def test_all_messages_are_read_with_their_types_and_keys(simhospital: bytes) -> None:
    messages = [parse(payload) for payload in split_batch(simhospital)]
    assert len(messages) == 1013
    assert Counter(message.message_type for message in messages) == {
        "ORU^R01": 610,
        "ADT^A01": 400,
        "MDM^T02": 2,
        "ADT^A34": 1,
    }
    assert sum(not message.cx(VISIT) for message in messages) == 221
    without = Counter(message.message_type for message in messages if message.value(VISIT) is None)
    assert without == {"ORU^R01": 218, "MDM^T02": 2, "ADT^A34": 1}
    assert {message.version for message in messages} == {"2.3"}


def test_every_patient_has_one_mrn_and_its_authority(simhospital: bytes) -> None:
    found = [parse(payload).cx(PATIENT) for payload in split_batch(simhospital)]
    assert all(found)
    assert {identifiers[0][1] for identifiers in found} == {"SIMULATOR MRN"}
    assert len({identifiers[0][0] for identifiers in found}) >= 403


def test_values_equal_those_of_plain_splitting(simhospital: bytes) -> None:
    for payload in split_batch(simhospital):
        message = parse(payload)
        lines = [line.split("|") for line in payload.decode().split("\r")]
        visits = [line[19].split("^")[0] for line in lines if line[0] == "PV1" and len(line) > 19]
        assert (message.get(VISIT) or "") == (visits[0] if visits else "")
        assert [segment.name for segment in message.segments()] == [line[0] for line in lines if line[0]]


def test_all_messages_pass_the_framing_byte_for_byte(simhospital: bytes) -> None:
    payloads = split_batch(simhospital)
    wire = b"".join(map(frame, payloads))
    deframer = Deframer()
    items = [
        item for start in range(0, len(wire), 1460) for item in deframer.feed(wire[start : start + 1460])
    ]
    assert b"".join(item.raw for item in items) == wire
    assert [item.payload for item in items if isinstance(item, Frame)] == payloads
