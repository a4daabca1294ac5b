"""FHIR through the HTTP tap's observer, the one that live traffic and history share."""

from __future__ import annotations

import json
from typing import Any

import pytest

from collector.taps.replay import Observer
from tests.protocols.fhir_examples import (
    CHARGE,
    CLAIM,
    CLAIM_RESPONSE,
    ENCOUNTER,
    OID,
    OUTCOME,
    PATIENT,
    bundle,
    encoded,
    entry,
)
from tests.protocols.test_fhir_xml import as_xml
from tests.taps.world import SITE, Kept, Seen, interfaces, token

BASE = "https://ehr.example/fhir/r4"
FHIR = {
    "name": "ehr-fhir",
    "kind": "http",
    "listen": "127.0.0.1:0",
    "upstream": "http://127.0.0.1:8080",
    "fhir": {"base": "/fhir/r4", "server": BASE},
    "authorities": {OID: "NSH"},
}


def observe(
    sink: Kept,
    line: str,
    request: Any = None,
    status: int | None = 200,
    response: Any = None,
    headers: tuple[tuple[bytes, bytes], ...] = (),
    location: bytes = b"",
    **extra: Any,
) -> list[Seen]:
    """The spans of one exchange."""
    method, path = line.split(" ")
    observer = Observer(interfaces(FHIR | extra), SITE, sink)
    observer.observe_http(
        "ehr-fhir",
        method,
        path,
        request if isinstance(request, bytes) else encoded(request) if request is not None else b"",
        status,
        response if isinstance(response, bytes) else encoded(response) if response is not None else b"",
        1_000,
        2_000,
        headers,
        ((b"Location", location),) if location else (),
    )
    return sink.spans


def at_server(kind: str, value: str) -> str:
    return token(kind, value, BASE.upper())


def test_xml_says_what_json_says() -> None:
    told = []
    for body, kind in ((encoded(CLAIM), b"application/fhir+json"), (as_xml(CLAIM), b"application/fhir+xml")):
        (seen,) = observe(Kept(), "POST /fhir/r4/Claim", body, 422, OUTCOME, ((b"Content-Type", kind),))
        told.append(
            (seen.trace, {name: value for name, value in seen.attributes.items() if "size" not in name})
        )
    assert told[0] == told[1]


def test_a_link_between_patients_in_xml_is_an_event_of_identity() -> None:
    merged = PATIENT | {"link": [{"other": {"reference": "Patient/p2"}, "type": "replaced-by"}]}
    (told,) = observe(Kept(), "PUT /fhir/r4/Patient/p1", merged)
    (same,) = observe(Kept(), "PUT /fhir/r4/Patient/p1", as_xml(merged))
    assert told["journey.identity"]
    assert same["journey.identity"] == told["journey.identity"]


def test_a_refusal_in_xml_counts(sink: Kept) -> None:
    (seen,) = observe(sink, "POST /fhir/r4/Encounter", ENCOUNTER, 200, as_xml(OUTCOME))
    assert seen["integration.outcome"] == "rejected"


def test_a_created_encounter(sink: Kept) -> None:
    (seen,) = observe(sink, "POST /fhir/r4/Encounter", ENCOUNTER, 201)
    assert seen.trace == token("visit", "V1")
    assert seen["integration.operation"] == "POST /Encounter"
    assert seen["fhir.resource.type"] == "Encounter"
    assert seen["fhir.interaction"] == "create"
    assert seen["integration.outcome"] == "accepted"
    tokens = [key.split(":")[2] for key in seen["journey.keys"]]
    assert tokens == [
        token("visit", "V1"),
        at_server("visit", "e1"),
        token("account", "A1"),
        at_server("account", "a1"),
        at_server("order", "s1"),
        at_server("mrn", "p1"),
    ]


def test_the_id_a_server_gave_is_a_key(sink: Kept) -> None:
    new = {key: value for key, value in ENCOUNTER.items() if key != "id"}
    (seen,) = observe(
        sink, "POST /fhir/r4/Encounter", new, 201, location=f"{BASE}/Encounter/e77/_history/1".encode()
    )
    assert at_server("visit", "e77") in [key.split(":")[2] for key in seen["journey.keys"]]


def test_a_read_has_the_keys_of_what_was_read(sink: Kept) -> None:
    (seen,) = observe(sink, "GET /fhir/r4/Encounter/e1", None, 200, ENCOUNTER)
    assert seen.trace == token("visit", "V1")
    assert (seen["fhir.interaction"], seen["integration.operation"]) == ("read", "GET /Encounter/{id}")


def test_a_search_does_not_join_what_it_lists(sink: Kept) -> None:
    found = bundle("searchset", {"resource": ENCOUNTER}, {"resource": ENCOUNTER | {"id": "e2"}})
    (seen,) = observe(sink, f"GET /fhir/r4/Encounter?identifier={OID}|V9", None, 200, found)
    assert seen.tokens == {"visit": token("visit", "V9")}


def test_a_search_may_be_posted(sink: Kept) -> None:
    form = ((b"Content-Type", b"application/x-www-form-urlencoded"),)
    (seen,) = observe(
        sink, "POST /fhir/r4/Claim/_search", b"encounter=Encounter/e1&name=JANE", 200, None, form
    )
    assert (seen["fhir.interaction"], seen.tokens) == ("search", {"visit": at_server("visit", "e1")})
    assert seen["integration.unread"] is None


@pytest.mark.parametrize(
    ("status", "response", "outcome", "reason"),
    [
        (422, OUTCOME, "rejected", "duplicate"),
        (500, OUTCOME, "error", "duplicate"),
        (404, b"<html>JANE</html>", "rejected", None),
        (200, OUTCOME, "rejected", "duplicate"),
        (200, CLAIM_RESPONSE, "error", "a001"),
        (200, CLAIM_RESPONSE | {"outcome": "complete"}, "accepted", None),
        (None, None, "none", None),
    ],
)
def test_outcomes(sink: Kept, status: int | None, response: Any, outcome: str, reason: str | None) -> None:
    (seen,) = observe(sink, "POST /fhir/r4/Claim/$submit", CLAIM, status, response)
    assert (seen["integration.outcome"], seen["integration.reason"]) == (outcome, reason)
    assert seen.error == (outcome in ("rejected", "error"))
    assert seen["fhir.operation"] == "$submit"
    assert b"JANE" not in sink.bytes


def test_a_claim_response_that_is_sent_on_carries_its_verdict(sink: Kept) -> None:
    (seen,) = observe(sink, "POST /fhir/r4/ClaimResponse", CLAIM_RESPONSE, 201)
    assert (seen["integration.outcome"], seen["integration.reason"]) == ("error", "a001")
    assert seen.trace == at_server("claim", "c1")


URL = "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"


def test_the_entries_of_a_transaction_are_spans(sink: Kept) -> None:
    sent = bundle(
        "transaction",
        entry(ENCOUNTER, "POST", "Encounter", URL),
        entry(CHARGE, "POST", "ChargeItem"),
        entry(PATIENT, "PUT", f"Patient?identifier={OID}|M1"),
    )
    answer = bundle(
        "transaction-response",
        {"response": {"status": "201 Created", "location": "Encounter/e50/_history/1"}},
        {"response": {"status": "201", "location": "ChargeItem/x1/_history/1"}},
        {"response": {"status": "200"}},
    )
    parent, first, charge, patient = observe(sink, "POST /fhir/r4", sent, 200, answer)
    assert parent["fhir.interaction"] == "transaction"
    assert (parent["fhir.bundle.type"], parent["fhir.bundle.entries"]) == ("transaction", 3)
    # Everything in it is about one visit, so it is about that visit itself.
    assert {one.trace for one in sink.spans} == {token("visit", "V1")}
    assert {one.parent for one in (first, charge, patient)} == {parent.span}
    assert at_server("visit", "e50") in [key.split(":")[2] for key in charge["journey.keys"]]
    assert charge["integration.operation"] == "POST /ChargeItem"
    assert patient.tokens == {"mrn": at_server("mrn", "p1")}
    assert [one["integration.outcome"] for one in sink.spans] == ["accepted"] * 4
    assert len({one.span for one in sink.spans}) == 4


def test_entries_of_several_journeys_are_linked_and_not_joined(sink: Kept) -> None:
    other = {"resourceType": "Encounter", "identifier": [{"system": OID, "value": "V2"}]}
    sent = bundle("batch", entry(ENCOUNTER, "POST", "Encounter"), entry(other, "POST", "Encounter"))
    answer = bundle(
        "batch-response",
        {"response": {"status": "201"}},
        {"response": {"status": "409 Conflict", "outcome": OUTCOME}},
    )
    parent, first, second = observe(sink, "POST /fhir/r4/", sent, 200, answer)
    assert parent["journey.keys"] is None
    assert (first.trace, second.trace) == (token("visit", "V1"), token("visit", "V2"))
    assert (first.parent, first.links) == ("", [parent.trace])
    assert [one["integration.outcome"] for one in sink.spans] == ["rejected", "accepted", "rejected"]
    assert (second["integration.reason"], second["integration.ack.code"]) == ("duplicate", "409")
    assert (parent["fhir.bundle.failed"], parent["fhir.issue.detail"]) == (1, "MSG_DUPLICATE_ID")


def test_a_bundle_is_bounded(sink: Kept) -> None:
    sent = bundle("batch", *[entry(CHARGE, "POST", "ChargeItem")] * 700)
    spans = observe(sink, "POST /fhir/r4", sent, 200)
    assert len(spans) == 501
    assert spans[0]["fhir.bundle.entries"] == 700


def test_pointers_read_the_resources_of_entries(sink: Kept) -> None:
    sent = bundle("batch", entry(CHARGE, "POST", "ChargeItem"), entry(CHARGE, "POST", "ChargeItem"))
    extra: dict[str, Any] = {"measures": {"quantity": "/quantity/value"}, "attributes": {"status": "/status"}}
    _, first, second = observe(sink, "POST /fhir/r4", sent, 200, None, **extra)
    assert [one["integration.measure.quantity"] for one in (first, second)] == [3.0, 3.0]
    assert first["integration.attribute.status"] == "billable"


@pytest.mark.parametrize(
    ("body", "unread", "place"),
    [
        (b'{"resourceType": "Encounter",\n}', "not_json", "2:1"),
        (b'{"resourceType": "JANE"}', "not_fhir", "resourceType"),
        (bundle("batch", {"resource": PATIENT}), "not_fhir", "Bundle.entry[0].request"),
    ],
)
def test_what_is_malformed_passes_and_is_located(sink: Kept, body: Any, unread: str, place: str) -> None:
    seen = observe(sink, "POST /fhir/r4/Encounter", body, 400)[0]
    assert (seen["integration.unread"], seen["integration.unread.place"]) == (unread, place)
    assert b"JANE" not in sink.bytes


def test_the_base_may_be_left_out(sink: Kept) -> None:
    (seen,) = observe(sink, "GET /some/where/Patient/p1", None, 200, PATIENT, fhir=True)
    assert seen["integration.operation"] == "GET /Patient/{id}"
    assert seen.tokens["mrn"] == token("mrn", "p1", "HTTP://127.0.0.1:8080")


def test_what_is_outside_the_base_is_no_fhir(sink: Kept) -> None:
    (seen,) = observe(sink, "POST /oauth/token?user=JANE", b"x", 200)
    assert (seen["integration.operation"], seen["fhir.interaction"]) == ("POST *", None)
    assert b"JANE" not in sink.bytes


def test_nothing_identifying_leaves(sink: Kept) -> None:
    marked = json.loads(json.dumps(ENCOUNTER).replace("V1", "MARKED").replace("e1", "MARKED"))
    said = json.loads(json.dumps(OUTCOME).replace("JANE", "MARKED"))
    line = "PUT /fhir/r4/Encounter/MARKED?name=MARKED"
    observe(sink, line, marked, 400, said, ((b"X-Request-Id", b"MARKED"),))
    assert b"MARKED" not in sink.bytes
