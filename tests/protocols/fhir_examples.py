"""FHIR resources as servers send them; every identifier is made up."""

from __future__ import annotations

import json
from typing import Any

OID = "urn:oid:2.16.840.1.113883.19.5"
MRN = {"system": OID, "value": "M1", "type": {"coding": [{"code": "MR"}]}}
SSN = {
    "system": "http://hl7.org/fhir/sid/us-ssn",
    "value": "999-99-9999",
    "type": {"coding": [{"code": "SS"}]},
}

ENCOUNTER: dict[str, Any] = {
    "resourceType": "Encounter",
    "id": "e1",
    "identifier": [{"system": OID, "value": "V1"}, {"use": "old", "value": "V0"}],
    "status": "finished",
    "class": {"code": "IMP"},
    "subject": {"reference": "Patient/p1", "display": "JANE DOE"},
    "account": [{"reference": "Account/a1"}, {"identifier": {"system": OID, "value": "A1"}}],
    "basedOn": [{"reference": "ServiceRequest/s1/_history/3"}],
}
PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "identifier": [MRN, SSN],
    "name": [{"family": "DOE"}],
}
CHARGE: dict[str, Any] = {
    "resourceType": "ChargeItem",
    "status": "billable",
    "context": {"reference": "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"},
    "account": [{"reference": "Account/a1"}],
    "subject": {"reference": "Patient/p1"},
    "quantity": {"value": 3},
}
CLAIM: dict[str, Any] = {
    "resourceType": "Claim",
    "id": "c1",
    "identifier": [{"value": "C1"}],
    "patient": {"reference": "https://other.example/fhir/Patient/9"},
    "item": [{"encounter": [{"reference": "Encounter/e1"}]}, {"encounter": [{"reference": "Encounter/e1"}]}],
    "total": {"value": 182.5, "currency": "USD"},
}
CLAIM_RESPONSE: dict[str, Any] = {
    "resourceType": "ClaimResponse",
    "outcome": "error",
    "request": {"reference": "Claim/c1"},
    "error": [{"code": {"coding": [{"code": "a001"}], "text": "JANE DOE is unknown"}}],
}
OUTCOME: dict[str, Any] = {
    "resourceType": "OperationOutcome",
    "issue": [
        {"severity": "warning", "code": "informational"},
        {
            "severity": "error",
            "code": "duplicate",
            "details": {"coding": [{"code": "MSG_DUPLICATE_ID"}], "text": "JANE DOE"},
            "diagnostics": "JANE DOE exists already",
        },
    ],
}


def bundle(kind: str, *entries: dict[str, Any]) -> dict[str, Any]:
    """A Bundle."""
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def entry(resource: dict[str, Any], method: str, url: str, full_url: str = "") -> dict[str, Any]:
    """An entry of a transaction."""
    made: dict[str, Any] = {"resource": resource, "request": {"method": method, "url": url}}
    return made | ({"fullUrl": full_url} if full_url else {})


def encoded(resource: dict[str, Any]) -> bytes:
    """As on the wire."""
    return json.dumps(resource).encode()
