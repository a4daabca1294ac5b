"""An HL7 v2 message and its acknowledgement become the span the registry describes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.taps.config import MllpInterface
from collector.taps.hops import KeyEncoder
from collector.taps.observe_hl7 import Answer, Hl7Observer
from collector.taps.replay import Observer
from tests.taps.world import CORPUS, SEALER, SITE, Kept, ack, adt, interfaces, token
from tracing import attributes

BASE = {"name": "ehr-adt", "kind": "mllp", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:9"}


def observe(sink: Kept, message: bytes, answer: bytes | None, **extra: Any) -> Any:
    Observer(interfaces(BASE | extra), SITE, sink).observe_mllp("ehr-adt", message, answer, 1_000, 2_000)
    return sink.spans[-1]


def test_the_whole_span(sink: Kept) -> None:
    message, answer = adt(), ack("C1")
    seen = observe(sink, message, answer, attributes={"patient_class": "PV1-2"})
    assert (seen.name, seen.interface, seen.start, seen.end) == ("forward ehr-adt", "ehr-adt", 1_000, 2_000)
    assert seen.trace == token("visit", "V1")
    assert seen.tokens == {
        "visit": token("visit", "V1"),
        "account": token("account", "A1"),
        "mrn": token("mrn", "M1"),
    }
    assert [SEALER.open(sealed).value for sealed in seen["journey.keys.sealed"]] == ["V1", "A1", "M1"]
    assert seen["integration.message"] == "ADT^A03"
    assert seen["messaging.message.id"] == seen["messaging.message.conversation_id"] == "C1"
    assert seen["integration.outcome"] == "accepted"
    assert seen["integration.ack.code"] == "AA"
    assert seen["messaging.message.body.size"] == len(message)
    assert seen["integration.ack.size"] == len(answer)
    assert seen["integration.attribute.patient_class"] == "I"
    assert seen.scope["integration.facility"] == "NSH-NORTH"
    assert not seen.error


def test_every_attribute_is_in_the_registry(sink: Kept) -> None:
    observe(sink, adt(), ack("C1", "AE", "bad", "207"), attributes={"patient_class": "PV1-2"})
    observe(sink, b"junk", None)
    for seen in sink.spans:
        for name in [*seen.attributes, *seen.scope]:
            assert attributes.find(name) is not None, name


@pytest.mark.parametrize(
    ("code", "outcome", "error"),
    [
        ("AA", "accepted", False),
        ("CA", "accepted", False),
        ("AE", "error", True),
        ("CE", "error", True),
        ("AR", "rejected", True),
        ("CR", "rejected", True),
        ("ZZ", "none", False),
    ],
)
def test_outcomes(sink: Kept, code: str, outcome: str, error: bool) -> None:
    seen = observe(sink, adt(), ack("C1", code, error="207"))
    assert (seen["integration.outcome"], seen.error) == (outcome, error)
    assert seen["integration.reason"] == (None if outcome == "accepted" else "207")


def test_no_acknowledgement_is_none(sink: Kept) -> None:
    assert observe(sink, adt(), None)["integration.outcome"] == "none"


def test_what_is_no_hl7_is_recorded_as_such(sink: Kept) -> None:
    seen = observe(sink, b"hello", None)
    assert seen["integration.unread"] == "not_hl7"
    assert seen["messaging.message.body.size"] == 5


def test_a_message_without_journey_keys_has_a_trace_of_its_own(sink: Kept) -> None:
    one = observe(sink, adt(visit="", account=""), ack("C1"))
    other = observe(sink, adt(control="C2", visit="", account=""), ack("C2"))
    assert one.tokens == {"mrn": token("mrn", "M1")}
    assert len({one.trace, other.trace, token("mrn", "M1")}) == 3


def test_observed_again_it_is_the_same_span_and_resent_it_is_another(sink: Kept) -> None:
    observer = Observer(interfaces(BASE), SITE, sink)
    for start in (1_000, 1_000, 5_000):
        observer.observe_mllp("ehr-adt", adt(), ack("C1"), start, start + 10)
    first, again, resent = sink.spans
    assert first.span == again.span
    assert first.span != resent.span
    assert first.trace == resent.trace


def test_reason_and_tags_are_codes_or_nothing(sink: Kept) -> None:
    seen = observe(
        sink, adt(), ack("C1", "AE", error="patient JANE DOE unknown"), attributes={"name": "PID-5.1"}
    )
    assert seen["integration.reason"] is None
    assert seen["integration.attribute.name"] == "DOE"  # asked for by the configuration, and a code
    assert observe(sink, adt(message="free text"), None)["integration.message"] is None


def test_facilities_are_codes_and_bounded(sink: Kept) -> None:
    observer = Observer(interfaces(BASE), SITE, sink)
    observer.observe_mllp("ehr-adt", adt(facility="Jane Doe's ward"), None, 1, 2)
    assert sink.spans[-1].scope["integration.facility"] == "NSH"
    for number in range(100):
        observer.observe_mllp("ehr-adt", adt(facility=f"F{number}"), None, 1, 2)
    assert len({seen.scope["integration.facility"] for seen in sink.spans}) == 65


def test_the_configured_authority_wins_where_it_is_forced(sink: Kept) -> None:
    keys = [{"kind": "visit", "path": "PV1-19", "authority": "ACME"}, {"kind": "account", "path": "PID-18"}]
    seen = observe(sink, adt(account="A1"), ack("C1"), keys=keys)
    assert seen.tokens == {"visit": token("visit", "V1", "ACME"), "account": token("account", "A1")}


def test_every_patient_identifier_is_a_key(sink: Kept) -> None:
    seen = observe(sink, adt(mrn="M1^^^NSH~M2^^^SSH&1.2&ISO"), ack("C1"))
    tokens = [key.split(":")[2] for key in seen["journey.keys"] if key.startswith("mrn")]
    assert tokens == [token("mrn", "M1"), token("mrn", "M2", "SSH")]


# Fields as senders write them, the short way and the general way must agree.
pieces = st.text(st.sampled_from('AB1 ^~&\\"T.|é'), max_size=12)


@settings(max_examples=150)
@given(
    visit=pieces,
    account=pieces,
    mrn=pieces,
    order=pieces,
    control=pieces,
    kind=pieces,
    patient_class=pieces,
    another=st.booleans(),
)
def test_the_short_way_reads_what_the_general_reader_reads(
    visit: str, account: str, mrn: str, order: str, control: str, kind: str, patient_class: str, another: bool
) -> None:
    message = (
        f"MSH|^~\\&|E|F|E|F|2026||{kind}|{control}|P|2.5.1\rPID|1||{mrn}|||||||||||||||{account}\r"
        f"PV1|1|{patient_class}|||||||||||||||||{visit}\rORC|RE|{order}\r" + f"PID|2||{mrn}X\r" * another
    ).encode()
    assert_alike(message)


def assert_alike(message: bytes) -> None:
    interface = interfaces(BASE | {"attributes": {"patient_class": "PV1-2"}})[0]
    assert isinstance(interface, MllpInterface)
    short, general = Kept(), Kept()
    quick = Hl7Observer(interface, KeyEncoder(SEALER), short)
    slow = Hl7Observer(interface, KeyEncoder(SEALER), general)
    slow._plan = None
    for observer in (quick, quick, slow):
        observer.answered(observer.read(message, 7), Answer(ack("C1")), 9)
    patients = len(general.spans)
    first, known = short.spans[:patients], short.spans[patients:]
    for one in (*first, *general.spans):
        one.attributes.pop("hl7.structure.shape", None)  # said once
    assert first == known
    for one, other in zip(first, general.spans, strict=True):
        assert (one.trace, one.attributes, one.scope) == (other.trace, other.attributes, other.scope)


def simhospital() -> list[bytes]:
    path = CORPUS / "hl7v2" / "simhospital.hl7"
    if not path.exists():
        pytest.skip("the corpus is not here")
    return [m.strip(b"\n") for m in path.read_bytes().split(b"\n\n") if m.strip()]


def test_real_messages_read_alike_both_ways() -> None:
    messages = [m.replace(b"\n", b"\r") for m in simhospital()]
    for message in messages[::9]:
        assert_alike(message)


def test_the_answers_short_way_agrees() -> None:
    for payload in (
        ack("C1"),
        ack("C1", "AE", "x", "207"),
        ack("C1^x"),
        ack('""'),
        ack("\\T\\"),
        b"junk",
        b"",
    ):
        answer = Answer(payload)
        general = Answer(payload.replace(b"MSH|^~\\&|", b"MSH|^~\\&#|"))
        if payload:
            assert (answer.code, answer.control_id, answer.reason) == (
                general.code,
                general.control_id,
                general.reason,
            )
