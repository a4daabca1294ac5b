"""Checkpoints: plain JSON in, a tap-like span with tokens out, and nothing readable on the way."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from collector.receiver.checkpoints import Checkpoints
from collector.receiver.refusal import Refusal
from tests.receiver.conftest import MakeReceiver, Running
from tracing.keys import Key, Sealer

GOOD: dict[str, Any] = {
    "interface": "theatre-plan",
    "source": "theatre",
    "destination": "ehr",
    "message": "case-closed",
    "outcome": "accepted",
    "at": "2026-03-01T12:00:00.5Z",
    "keys": [
        {"kind": "mrn", "authority": "NSH", "value": "MRN-4711"},
        {"kind": "case", "authority": "nsh", "value": "C-99"},
        {"kind": "visit", "authority": "NSH", "value": "V-1234"},
    ],
}


@pytest.fixture
def receiver(make_receiver: MakeReceiver, sealer: Sealer) -> Running:
    return make_receiver(sealer=sealer)


def post(receiver: Running, document: Any, **options: Any) -> requests.Response:
    headers = {"Content-Type": "application/json"} | options.pop("headers", {})
    body = json.dumps(document)
    return requests.post(f"{receiver.url}/api/v1/checkpoints", body, headers=headers, timeout=10, **options)


def values(span: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for attribute in span.attributes:
        kind = attribute.value.WhichOneof("value")
        value = getattr(attribute.value, kind)
        found[attribute.key] = (
            [item.string_value for item in value.values] if kind == "array_value" else value
        )
    return found


def test_a_checkpoint_becomes_a_span_of_its_journey(receiver: Running, sealer: Sealer) -> None:
    response = post(receiver, GOOD | {"attributes": {"patient_class": "I"}, "measures": {"amount": 12.5}})
    assert response.status_code == 200
    visit = Key("visit", "NSH", "V-1234")
    assert response.json()["trace_id"] == sealer.token(visit)
    (span,) = receiver.spans()
    assert span.trace_id.hex() == sealer.token(visit)
    assert span.span_id.hex() == response.json()["span_id"]
    assert span.start_time_unix_nano == span.end_time_unix_nano == 1_772_366_400_500_000_000
    found = values(span)
    assert found["integration.message"] == "case-closed"
    assert found["integration.outcome"] == "accepted"
    assert found["integration.attribute.patient_class"] == "I"
    assert found["integration.measure.amount"] == 12.5
    keys = [visit, Key("case", "NSH", "C-99"), Key("mrn", "NSH", "MRN-4711")]
    assert found["journey.keys"] == [f"{key.kind}:NSH:{sealer.token(key)}" for key in keys]
    assert [sealer.open(sealed) for sealed in found["journey.keys.sealed"]] == keys


def test_the_interface_is_told_in_the_scope(receiver: Running) -> None:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    post(receiver, GOOD | {"facility": "NSH-NORTH"})
    (body,) = receiver.bodies()
    scope = ExportTraceServiceRequest.FromString(body).resource_spans[0].scope_spans[0].scope
    assert values(scope) == {
        "integration.interface": "theatre-plan",
        "integration.source": "theatre",
        "integration.destination": "ehr",
        "integration.facility": "NSH-NORTH",
        "messaging.system": "http",
    }


def test_nothing_readable_reaches_the_log(receiver: Running) -> None:
    post(receiver, GOOD)
    written = b"".join(receiver.bodies())
    for secret in (b"MRN-4711", b"C-99", b"V-1234"):
        assert secret not in written


def test_the_same_checkpoint_again_is_the_same_span(receiver: Running) -> None:
    first = post(receiver, GOOD).json()
    assert post(receiver, GOOD).json() == first
    assert post(receiver, GOOD | {"id": "another"}).json()["span_id"] != first["span_id"]
    assert post(receiver, GOOD | {"outcome": "rejected"}).json()["span_id"] != first["span_id"]
    assert len({span.span_id for span in receiver.spans()}) == 3


def test_a_failed_outcome_is_an_error_span_with_its_reason(receiver: Running) -> None:
    post(receiver, GOOD | {"outcome": "rejected", "reason": "cost_centre_unknown"})
    (span,) = receiver.spans()
    assert span.status.code == 2
    assert values(span)["integration.reason"] == "cost_centre_unknown"


def test_several_at_once_all_or_none(receiver: Running) -> None:
    response = post(receiver, [GOOD | {"id": str(number)} for number in range(3)])
    assert len(response.json()["checkpoints"]) == 3
    assert len(receiver.spans()) == 3
    response = post(receiver, [GOOD | {"id": "4"}, GOOD | {"keys": []}])
    assert response.status_code == 400
    assert response.json()["details"][0]["fieldViolations"][0]["field"] == "[1].keys"
    assert len(receiver.spans()) == 3


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"interface": ""}, "interface"),
        ({"interface": "a\nb"}, "interface"),
        ({"outcome": "fine"}, "outcome"),
        ({"at": "2026-03-01T12:00:00"}, "at"),
        ({"at": "yesterday"}, "at"),
        ({"at": "1969-01-01T00:00:00Z"}, "at"),
        ({"keys": []}, "keys"),
        ({"keys": [{"kind": "patient", "value": "1"}]}, "keys[0].kind"),
        ({"keys": [{"kind": "visit", "value": ""}]}, "keys[0].value"),
        ({"keys": [{"kind": "visit", "value": '""'}]}, "keys[0].value"),
        ({"keys": [{"kind": "mrn", "value": "MRN-4711"}]}, "keys"),
        ({"reason": "free text about a patient"}, "reason"),
        ({"attributes": {"note": "free text about a patient"}}, "attributes.note"),
        ({"surprise": 1}, "surprise"),
        ({"measures": {"amount": float("nan")}}, "measures.amount"),
        ({"workflow": "discharge-to-cash"}, "the document"),
    ],
)
def test_a_fault_is_400_and_names_the_field(receiver: Running, change: dict[str, Any], field: str) -> None:
    response = post(receiver, GOOD | change)
    assert response.status_code == 400
    document = response.json()
    assert document["code"] == 3
    assert document["details"][0]["fieldViolations"][0]["field"] == field
    assert document["message"].startswith(f"{field}: ")
    assert receiver.bodies() == []


def test_a_missing_field_is_named(receiver: Running) -> None:
    response = post(receiver, {name: value for name, value in GOOD.items() if name != "source"})
    assert response.json()["message"] == "source: missing"


def test_an_error_never_quotes_what_was_sent(sealer: Sealer) -> None:
    for change in ({"outcome": "V-1234"}, {"at": "V-1234"}, {"keys": "V-1234"}, {"reason": "V-1234 x"}):
        with pytest.raises(Refusal) as caught:
            Checkpoints(sealer).read(json.dumps(GOOD | change).encode())
        assert "V-1234" not in caught.value.message + str(caught.value.violations)


def test_a_long_answer_is_compressed_for_a_client_that_takes_it(receiver: Running) -> None:
    document = [GOOD | {"outcome": "fine"}] * 100
    packed = post(receiver, document, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    plain = post(receiver, document, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert packed.json() == plain.json()
    assert len(packed.json()["details"][0]["fieldViolations"]) == 100


def test_not_json_is_400_and_another_type_415(receiver: Running) -> None:
    url = f"{receiver.url}/api/v1/checkpoints"
    assert (
        requests.post(url, data=b"{", headers={"Content-Type": "application/json"}, timeout=5).status_code
        == 400
    )
    assert requests.post(url, data=b"x", headers={"Content-Type": "text/csv"}, timeout=5).status_code == 415


def test_without_a_site_key_it_is_501(make_receiver: MakeReceiver) -> None:
    response = post(make_receiver(), GOOD)
    assert response.status_code == 501
    assert "no site key" in response.json()["message"]


def test_a_misspelt_key_is_answered_with_the_nearest_one(receiver: Running) -> None:
    assert post(receiver, GOOD | {"outcom": "accepted"}).json()["message"] == (
        "outcom: unknown key (did you mean 'outcome'?)"
    )
    keys = [{"kind": "vist", "vlaue": "V-1"}]
    fields = post(receiver, GOOD | {"keys": keys}).json()["details"][0]["fieldViolations"]
    assert [one["field"] for one in fields] == ["keys[0].kind", "keys[0].value", "keys[0].vlaue"]
    assert "did you mean 'visit'?" in fields[0]["description"]


def test_workflow_and_step_are_a_short_way_to_say_the_same(receiver: Running) -> None:
    rest = {"at": GOOD["at"], "keys": GOOD["keys"]}
    short = post(receiver, {"workflow": "census", "step": "counted"} | rest)
    long = {"interface": "census", "message": "counted", "source": "script", "destination": "caretrail"}
    assert short.status_code == 200, short.text
    assert post(receiver, long | rest).json() == short.json()
    assert values(receiver.spans()[0])["integration.message"] == "counted"


def test_the_id_is_kept_as_a_keyed_hash(receiver: Running) -> None:
    first, again = (post(receiver, GOOD | {"id": "V-1234/closed"}).json() for _ in range(2))
    assert first == again
    assert b"V-1234" not in b"".join(receiver.bodies())
    assert len(values(receiver.spans()[0])["messaging.message.id"]) == 32


def test_the_older_address_takes_them_too(receiver: Running) -> None:
    old = requests.post(f"{receiver.url}/v1/checkpoints", json=GOOD, timeout=10)
    assert old.json() == post(receiver, GOOD).json()
