"""What FHIR resources say about identity: linked patients, cancelled encounters."""

from __future__ import annotations

import json
from typing import Any

from collector.taps.replay import Observer
from tests.protocols.fhir_examples import OID, bundle, entry
from tests.taps.test_fhir import BASE, observe
from tests.taps.test_hl7_identity import elements, value
from tests.taps.world import SITE, Kept, Seen, interfaces, token

SERVER = BASE.upper()
AT = "1772366400000"


def patient(link: str, other: dict[str, Any], **more: Any) -> dict[str, Any]:
    named = {"system": OID, "value": "M1"}
    return {
        "resourceType": "Patient",
        "id": "1",
        "meta": {"lastUpdated": "2026-03-01T06:00:00-06:00"},
        "identifier": [named],
        "link": [{"type": link, "other": other}],
    } | more


def told(seen: Seen) -> list[tuple[str, ...]]:
    return [
        (one.event, one.level, *(key and value(key) for key in (one.before, one.now)), one.at)
        for one in elements(seen)
    ]


OTHER = {"reference": "Patient/2"}
OWN, SECOND = token("mrn", "1", SERVER), token("mrn", "2", SERVER)


def test_a_replaced_patient_is_merged(sink: Kept) -> None:
    (seen,) = observe(sink, "PUT /fhir/r4/Patient/1", patient("replaced-by", OTHER))
    assert told(seen) == [("merge", "patient", "1", SECOND, AT)]
    assert SECOND not in {key.split(":")[2] for key in seen["journey.keys"]}


def test_a_replacing_patient_is_merged_into(sink: Kept) -> None:
    (seen,) = observe(sink, "PUT /fhir/r4/Patient/1", patient("replaces", OTHER))
    assert told(seen) == [("merge", "patient", "2", OWN, AT)]


def test_patients_see_each_other(sink: Kept) -> None:
    named = {"type": "Patient", "identifier": {"system": OID, "value": "M2"}}
    (seen,) = observe(sink, "PUT /fhir/r4/Patient/1", patient("seealso", named, meta={}))
    assert told(seen) == [("link", "patient", "M2", token("mrn", "M1"), "")]


def test_reading_a_patient_says_nothing_new(sink: Kept) -> None:
    (seen,) = observe(sink, "GET /fhir/r4/Patient/1", response=patient("replaced-by", OTHER))
    assert seen["journey.identity"] is None
    seen = observe(sink, "PUT /fhir/r4/Patient/1", patient("replaced-by", {"display": "somebody"}))[-1]
    assert seen["journey.identity"] is None


def test_numbers_of_insurances_and_of_the_state_are_no_keys(sink: Kept) -> None:
    member = {"system": "urn:oid:1.2", "value": "SECRET1", "type": {"coding": [{"code": "MB"}]}}
    security = {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "SECRET2"}
    person = {"resourceType": "Patient", "id": "1", "identifier": [member, security]}
    (seen,) = observe(sink, "PUT /fhir/r4/Patient/1", person)
    assert seen.tokens == {"mrn": OWN}
    assert len(seen["journey.keys"]) == 1


def test_an_encounter_is_cancelled(sink: Kept) -> None:
    encounter = {"resourceType": "Encounter", "id": "e1", "status": "cancelled"}
    (seen,) = observe(sink, "PUT /fhir/r4/Encounter/e1", encounter)
    assert told(seen) == [("cancel", "visit", "", token("visit", "e1", SERVER), "")]
    seen = observe(sink, "PUT /fhir/r4/Encounter/e1", encounter | {"status": "finished"})[-1]
    assert told(seen) == []


def test_each_entry_of_a_bundle_has_its_own(sink: Kept) -> None:
    entries = [
        entry(patient("replaced-by", OTHER), "PUT", "Patient/1"),
        entry({"resourceType": "Encounter", "id": "e1", "status": "cancelled"}, "PUT", "Encounter/e1"),
    ]
    parent, *children = observe(sink, "POST /fhir/r4", bundle("transaction", *entries))
    assert parent["journey.identity"] is None
    assert [told(child)[0][0] for child in children] == ["merge", "cancel"]


def test_a_line_of_a_bulk_export(sink: Kept) -> None:
    told_of = {"name": "bulk", "kind": "folder", "path": "x", "format": "fhir", "authorities": {OID: "NSH"}}
    named = {"type": "Patient", "identifier": {"system": OID, "value": "M2"}}
    line = json.dumps(patient("replaced-by", OTHER | named)).encode() + b"\n"
    Observer(interfaces(told_of), SITE, sink).observe_file("bulk", "p.ndjson", line, 1)
    # Whose IDs the server's own are is not known here; its identifiers are.
    assert told(sink.spans[0]) == [("merge", "patient", "M1", token("mrn", "M2"), AT)]
