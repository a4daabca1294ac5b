"""FHIR: interactions without identifiers, keys of resources, entries of Bundles, malformed input located."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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
from tracing.protocols import fhir, fhir_outcome
from tracing.protocols.fhir import FhirError, Found
from tracing.protocols.fhir_rest import interaction


@pytest.mark.parametrize(
    ("method", "target", "name", "kind", "template"),
    [
        ("GET", "/fhir/Patient/p1", "read", "Patient", "GET /Patient/{id}"),
        ("HEAD", "/fhir/Patient/p1", "read", "Patient", "HEAD /Patient/{id}"),
        ("GET", "/fhir/Patient/p1/_history/2", "vread", "Patient", "GET /Patient/{id}/_history/{vid}"),
        ("GET", "/fhir/Patient/p1/_history", "history", "Patient", "GET /Patient/{id}/_history"),
        ("GET", "/fhir/Patient/_history", "history", "Patient", "GET /Patient/_history"),
        ("GET", "/fhir/_history", "history", "", "GET /_history"),
        ("GET", "/fhir/Encounter?patient=p1", "search", "Encounter", "GET /Encounter"),
        ("POST", "/fhir/Encounter/_search", "search", "Encounter", "POST /Encounter/_search"),
        ("GET", "/fhir?_type=Patient", "search", "", "GET /"),
        ("GET", "/fhir/Patient/p1/Observation", "search", "Observation", "GET /Patient/{id}/Observation"),
        ("POST", "/fhir/Encounter", "create", "Encounter", "POST /Encounter"),
        ("PUT", "/fhir/Encounter/e1", "update", "Encounter", "PUT /Encounter/{id}"),
        ("PUT", "/fhir/Encounter?identifier=a|b", "update", "Encounter", "PUT /Encounter"),
        ("PATCH", "/fhir/Encounter/e1", "patch", "Encounter", "PATCH /Encounter/{id}"),
        ("DELETE", "/fhir/Encounter/e1", "delete", "Encounter", "DELETE /Encounter/{id}"),
        ("POST", "/fhir", "batch", "", "POST /"),
        ("POST", "/fhir/", "batch", "", "POST /"),
        ("GET", "/fhir/metadata", "capabilities", "", "GET /metadata"),
        ("POST", "/fhir/Claim/$submit", "operation", "Claim", "POST /Claim/$submit"),
        ("GET", "/fhir/Patient/p1/$everything", "operation", "Patient", "GET /Patient/{id}/$everything"),
        ("POST", "/fhir/$process-message", "operation", "", "POST /$process-message"),
        ("POST", "/fhir/Patient/$of-jane-doe", "operation", "Patient", "POST /Patient/$*"),
    ],
)
def test_every_interaction_has_a_name(method: str, target: str, name: str, kind: str, template: str) -> None:
    found = interaction(method, target, "/fhir")
    assert found is not None
    assert (found.name, found.type, found.template) == (name, kind, template)
    unknown_base = interaction(method, "/apps" + target, None)
    if target.partition("?")[0].rstrip("/") != "/fhir" or method == "POST":
        assert unknown_base == found


@pytest.mark.parametrize(
    "target", ["/Jane", "/fhir/Jane/1", "/fhir/Patient/a/b/c", "/fhir", "/fhir/Patient/a b"]
)
def test_what_is_no_interaction_has_none(target: str) -> None:
    assert interaction("GET", target, "/fhir") is None


def test_an_encounter_names_itself_first_and_then_what_it_belongs_to() -> None:
    found = fhir.read(encoded(ENCOUNTER))
    assert found.keys == [
        Found("visit", "V1", OID),
        Found("visit", "e1", server=""),
        Found("account", "a1", server=""),
        Found("account", "A1", OID),
        Found("order", "s1", server=""),
        Found("mrn", "p1", server=""),
    ]


def test_private_and_old_identifiers_are_no_keys() -> None:
    assert fhir.read(encoded(PATIENT)).keys == [Found("mrn", "M1", OID), Found("mrn", "p1", server="")]


def test_references_may_be_absolute_contained_conditional_or_logical() -> None:
    assert fhir.read(encoded(CLAIM)).keys == [
        Found("claim", "C1"),
        Found("claim", "c1", server=""),
        Found("visit", "e1", server=""),
        Found("mrn", "9", server="https://other.example/fhir"),
    ]
    contained = {
        "resourceType": "Observation",
        "contained": [{"resourceType": "Encounter", "id": "x", "identifier": [{"value": "V7"}]}],
        "encounter": {"reference": "#x"},
        "subject": {"reference": f"Patient?identifier={OID}|M1"},
        "basedOn": [{"type": "ServiceRequest", "identifier": {"value": "O1"}}],
    }
    assert [(key.kind, key.value) for key in fhir.read(encoded(contained)).keys] == [
        ("visit", "V7"),
        ("visit", "x"),
        ("order", "O1"),
        ("mrn", "M1"),
    ]


def test_a_claim_for_two_encounters_does_not_join_them() -> None:
    items = [{"encounter": [{"reference": f"Encounter/{n}"}]} for n in ("1", "2")]
    assert [key.kind for key in fhir.read(encoded(CLAIM | {"item": items})).keys] == ["claim", "claim", "mrn"]


@pytest.mark.parametrize(
    ("resource", "kinds"),
    [
        (CHARGE, ["account", "mrn"]),
        (CLAIM_RESPONSE, ["claim"]),
        ({"resourceType": "Account", "identifier": [{"value": "A1"}]}, ["account"]),
        (
            {
                "resourceType": "Invoice",
                "identifier": [{"value": "I1"}],
                "account": {"reference": "Account/1"},
                "lineItem": [{"chargeItemReference": {"reference": "ChargeItem/1"}}],
            },
            ["invoice", "account", "charge"],
        ),
        (
            {
                "resourceType": "Appointment",
                "id": "1",
                "basedOn": [{"reference": "ServiceRequest/2"}],
                "participant": [
                    {"actor": {"reference": "Location/3"}},
                    {"actor": {"reference": "Patient/4"}},
                ],
            },
            ["appointment", "order", "mrn"],
        ),
        (
            {
                "resourceType": "ServiceRequest",
                "identifier": [{"value": "O1", "type": {"coding": [{"code": "PLAC"}]}}],
                "encounter": {"reference": "Encounter/1"},
            },
            ["order", "visit"],
        ),
    ],
)
def test_resources_have_the_keys_of_their_kind(resource: dict[str, Any], kinds: list[str]) -> None:
    assert [key.kind for key in fhir.read(encoded(resource)).keys] == kinds


def test_entries_know_each_other_by_full_url() -> None:
    url = "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"
    sent = bundle(
        "transaction", entry(ENCOUNTER, "POST", "Encounter", url), entry(CHARGE, "POST", "ChargeItem")
    )
    found = fhir.read(encoded(sent))
    assert found.entries[1].refers_to == [0]
    assert [one.interaction.template for one in found.entries if one.interaction] == [
        "POST /Encounter",
        "POST /ChargeItem",
    ]


def test_a_large_bundle_is_counted_whole_and_read_in_part() -> None:
    found = fhir.read(
        encoded(bundle("batch", *[entry(CHARGE, "POST", "ChargeItem")] * 900)), most_entries=500
    )
    assert (found.total, len(found.entries)) == (900, 500)


def test_search_results_are_not_entries() -> None:
    assert fhir.read(encoded(bundle("searchset", {"resource": ENCOUNTER}))).entries == []


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b"", "1:1"),
        (b'{\n "resourceType": "Patient",\n "id" 1}', "3:7"),
        (b'{"a": "\xff"}', "1:8"),
        (b"[" * 100_000, ""),
        (b"[]", ""),
        (b"{}", "resourceType"),
        (b'{"resourceType": 1}', "resourceType"),
        (b'{"resourceType": "Jane"}', "resourceType"),
        (b'{"resourceType": "Bundle"}', "Bundle.type"),
        (b'{"resourceType": "Bundle", "type": "batch", "entry": {}}', "Bundle.entry"),
    ],
)
def test_malformed_bodies_are_located(body: bytes, place: str) -> None:
    with pytest.raises(FhirError) as caught:
        fhir.read(body)
    assert caught.value.place == place
    assert "Jane" not in str(caught.value)


@pytest.mark.parametrize(
    ("bad", "place"),
    [
        (7, "Bundle.entry[1]"),
        ({"resource": CHARGE}, "Bundle.entry[1].request"),
        ({"request": {"method": "POST", "url": "Jane"}}, "Bundle.entry[1].request"),
        (
            {"resource": {"resourceType": "Jane"}, "request": {"method": "POST", "url": "Claim"}},
            "Bundle.entry[1].resource.resourceType",
        ),
    ],
)
def test_a_malformed_entry_is_located_and_the_others_count(bad: Any, place: str) -> None:
    sent = bundle("batch", entry(ENCOUNTER, "PUT", "Encounter/e1"), bad, entry(CHARGE, "POST", "ChargeItem"))
    found = fhir.read(encoded(sent))
    assert [one.problem for one in found.entries] == ["", place, ""]


def test_a_byte_order_mark_is_no_damage() -> None:
    assert fhir.read(b"\xef\xbb\xbf" + encoded(PATIENT)).type == "Patient"


def response(status: str, outcome: Any = None, location: str = "") -> dict[str, Any]:
    said: dict[str, Any] = {"status": status, "location": location}
    return {"response": said | ({"outcome": outcome} if outcome else {})}


@pytest.mark.parametrize(
    ("document", "outcome", "reason"),
    [
        (OUTCOME, "rejected", "duplicate"),
        (
            {"resourceType": "OperationOutcome", "issue": [{"severity": "fatal", "code": "exception"}]},
            "error",
            "exception",
        ),
        (
            {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "x"}]},
            "accepted",
            "",
        ),
        (CLAIM_RESPONSE, "error", "a001"),
        (CLAIM_RESPONSE | {"outcome": "complete"}, "accepted", ""),
        (bundle("transaction-response", response("201 Created"), response("200")), "accepted", ""),
        (
            bundle("batch-response", response("201"), response("404 Not Found", OUTCOME)),
            "rejected",
            "duplicate",
        ),
        (bundle("batch-response", response("412"), response("503")), "error", ""),
        (bundle("batch-response", response("200", OUTCOME)), "rejected", "duplicate"),
        (bundle("collection", {"resource": CLAIM_RESPONSE}), "error", "a001"),
        (bundle("searchset", {"resource": CLAIM_RESPONSE}), "accepted", ""),
        (bundle("searchset", {"resource": OUTCOME}), "rejected", "duplicate"),
        (PATIENT, "accepted", ""),
        ("text", "accepted", ""),
    ],
)
def test_errors_inside_a_success_are_found(document: Any, outcome: str, reason: str) -> None:
    found = fhir_outcome.verdict(document)
    assert (found.outcome, found.reason) == (outcome, reason)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.sampled_from(["Encounter/1", "#x", "", "Encounter?x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "identifier",
                    "reference",
                    "entry",
                    "resource",
                    "request",
                    "response",
                    "type",
                    "coding",
                    "issue",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from([ENCOUNTER, PATIENT, CHARGE, CLAIM, CLAIM_RESPONSE, OUTCOME, bundle("batch")]),
    st.dictionaries(
        st.sampled_from(
            ["identifier", "subject", "account", "entry", "contained", "issue", "item", "error", "type"]
        ),
        JSON,
    ),
)
def test_no_shape_of_a_resource_raises_anything_else(
    resource: dict[str, Any], changes: dict[str, Any]
) -> None:
    body = json.dumps(resource | changes).encode()
    with suppress(FhirError):
        fhir.read(body)
    document = json.loads(body)
    fhir_outcome.verdict(document)
    fhir_outcome.responses(document)


@settings(max_examples=200, deadline=None)
@given(
    st.text(alphabet="/Patient$?_history123.%=|&:x", max_size=60),
    st.sampled_from(["GET", "POST", "PUT", "X"]),
)
def test_no_url_raises_or_comes_back(target: str, method: str) -> None:
    for base in (None, "", "/fhir"):
        found = interaction(method, target, base)
        if found is not None:
            fhir.url_keys(found)
            assert "123" not in found.template
