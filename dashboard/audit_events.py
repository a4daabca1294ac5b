"""`GET /api/v1/audit`: who looked at what, as FHIR R4 AuditEvents for a site's own audit repository.

Called by `dashboard.app`. After IHE Basic Audit Log Patterns 1.1.3: PatientRead for looks at an encounter,
Read for the others. Caretrail knows no Patient, so the patient is named by the encounter's token, as
everything else here; a key's value is never in it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from dashboard.api import allowed
from dashboard.audit import Entry
from dashboard.feed import Feed
from dashboard.source import Source

_PROFILE = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
_DICOM = "http://dicom.nema.org/resources/ontology/DCM"
_ENTITY = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
_TOKEN = "urn:caretrail:journey"
_READS = ("view_", "list_", "reveal_", "search", "list", "export", "explain")


def router(source: Source, feed: Feed, site: str, now: Callable[[], datetime]) -> APIRouter:
    """The route; may raise StoreError, which `dashboard.app` turns into 503 or 400."""
    routes = APIRouter(prefix="/api/v1", tags=["caretrail"])

    @routes.get("/audit")
    async def audit(
        since: datetime | None = None,
        after: Annotated[str, Query(pattern="^([0-9a-f-]{36})?$")] = "",
        limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    ) -> JSONResponse:
        """Looks from `since` on (a day ago), oldest first, as a FHIR Bundle; its next link goes on."""
        allowed(frozenset())
        begin = since or now() - timedelta(days=1)
        begin = begin.replace(tzinfo=begin.tzinfo or UTC)
        found = await feed.run(lambda: source.audit_since(begin, after, limit))
        bundle: dict[str, Any] = {
            "resourceType": "Bundle",
            "type": "collection",
            "entry": [
                {"fullUrl": f"urn:uuid:{entry.id}", "resource": audit_event(entry, site)} for entry in found
            ],
        }
        if len(found) == limit:
            last = found[-1]
            since_text = (
                last.look.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            )
            following = f"/api/v1/audit?since={since_text}&after={last.id}&limit={limit}"
            bundle["link"] = [{"relation": "next", "url": following}]
        return JSONResponse(bundle, media_type="application/fhir+json")

    return routes


def audit_event(entry: Entry, site: str) -> dict[str, Any]:
    """One look as an AuditEvent; FHIR R4, AuditEvent, and the profile that it names."""
    look = entry.look
    about_patient = bool(look.journey)
    reads = look.action.startswith(_READS)
    thing = {
        "what": {"identifier": {"system": _TOKEN, "value": look.journey or look.action}},
        "type": {"system": _ENTITY, "code": "2", "display": "System Object"},
        "role": {"system": _ROLE, "code": "4", "display": "Domain Resource"},
        "description": look.action,
    }
    patient = {
        "what": {
            "type": "Patient",
            "identifier": {"system": _TOKEN, "value": look.journey},
            "display": "the patient of this encounter",
        },
        "type": {"system": _ENTITY, "code": "1", "display": "Person"},
        "role": {"system": _ROLE, "code": "1", "display": "Patient"},
    }
    event: dict[str, Any] = {
        "resourceType": "AuditEvent",
        "id": entry.id,
        "type": _coding("http://terminology.hl7.org/CodeSystem/audit-event-type", "rest"),
        "subtype": [
            _coding("http://hl7.org/fhir/restful-interaction", "read" if reads else "update"),
            _coding("urn:caretrail:action", look.action),
        ],
        "action": "R" if reads else "U",
        "recorded": look.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "outcome": "0",
        "agent": [
            {
                "type": {"coding": [_coding(_DICOM, "110152", "Destination Role ID")]},
                "who": {"display": look.where_from or "unknown"},
                "requestor": False,
                "network": {"address": look.where_from or "unknown", "type": "2"},
            },
            {
                "type": {"coding": [_coding(_DICOM, "110153", "Source Role ID")]},
                "who": {"display": "Caretrail"},
                "requestor": False,
                "network": {"address": site, "type": "1"},
            },
            {
                "type": {
                    "coding": [_coding("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "IRCP")]
                },
                "who": {"display": look.who},
                "role": [{"text": look.role}],
                "requestor": True,
            },
        ],
        "source": {
            "site": site,
            "observer": {"display": "Caretrail"},
            "type": [_coding("http://terminology.hl7.org/CodeSystem/security-source-type", "4")],
        },
        "entity": [thing, *([patient] if about_patient else [])],
    }
    if look.why:
        event["purposeOfEvent"] = [{"text": look.why}]
    if reads:
        event["meta"] = {"profile": [_PROFILE + ("PatientRead" if about_patient else "Read")]}
    return event


def _coding(system: str, code: str, display: str = "") -> dict[str, str]:
    return {"system": system, "code": code, **({"display": display} if display else {})}
