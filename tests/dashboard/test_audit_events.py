"""Looks as FHIR AuditEvents, for whoever collects them for the whole site."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from dashboard import audit
from dashboard.audit import Look
from tests.dashboard.conftest import Site
from tests.dashboard.fake_hospital import JOURNEY, NOW
from tracing.store import Store


def looks(count: int) -> list[Look]:
    return [
        Look(NOW, "rivera", "engineer", "reveal_key", JOURNEY, f"reason {number}", "10.1.1.1")
        for number in range(count)
    ]


def test_a_look_at_an_encounter_is_a_patient_read(site: Site) -> None:
    site.hospital.looks = looks(1)
    answer = site.program().get("/api/v1/audit?since=2026-01-01T00:00:00Z")
    assert answer.headers["content-type"] == "application/fhir+json"
    (entry,) = answer.json["entry"]
    event = entry["resource"]
    assert event["meta"]["profile"] == [
        "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientRead"
    ]
    assert (event["action"], event["outcome"], event["type"]["code"]) == ("R", "0", "rest")
    assert event["subtype"][0]["code"] == "read"
    assert [agent["type"]["coding"][0]["code"] for agent in event["agent"]] == ["110152", "110153", "IRCP"]
    assert [agent["requestor"] for agent in event["agent"]] == [False, False, True]
    assert event["agent"][2]["who"]["display"] == "rivera"
    assert [one["type"]["code"] for one in event["entity"]] == ["2", "1"]
    assert event["entity"][1]["what"]["identifier"]["value"] == JOURNEY
    assert event["purposeOfEvent"] == [{"text": "reason 0"}]
    assert entry["fullUrl"] == f"urn:uuid:{event['id']}"


def test_a_decision_is_no_read_and_a_list_names_no_patient(site: Site) -> None:
    decided = Look(NOW, "rivera", "admin", "withdraw", "e" * 32, "wrong desk", "")
    listed = Look(NOW, "rivera", "noc", "list_reconciliation", "", "", "10.1.1.1")
    site.hospital.looks = [decided, listed]
    first, second = (
        entry["resource"]
        for entry in site.program().get("/api/v1/audit?since=2026-01-01T00:00:00Z").json["entry"]
    )
    assert (first["action"], first["subtype"][0]["code"], "meta" in first) == ("U", "update", False)
    assert second["meta"]["profile"][0].endswith(".Read")
    assert len(second["entity"]) == 1


def test_the_next_link_goes_on_where_it_ended(site: Site) -> None:
    site.hospital.looks = looks(5)
    address, seen = "/api/v1/audit?since=2026-01-01T00:00:00Z&limit=2", []
    while address:
        bundle = site.program().get(address).json
        seen += [entry["resource"]["purposeOfEvent"][0]["text"] for entry in bundle["entry"]]
        address = next((link["url"] for link in bundle.get("link", ())), "")
    assert seen == [f"reason {number}" for number in range(5)]


def test_only_who_administers_may_read_it(site: Site) -> None:
    assert site.signed_in("engineer").get("/api/v1/audit").status == 403
    assert site.signed_in("admin").get("/api/v1/audit").status == 200
    assert site.stranger().get("/api/v1/audit").status == 401


def test_the_store_gives_each_look_once_by_pages(store: Store) -> None:
    at = datetime(2026, 3, 10, 12, tzinfo=UTC)
    told = [
        Look(at + timedelta(seconds=second), "rivera", "noc", "search", JOURNEY, str(number), "10.1.1.1")
        for number, second in enumerate((0, 0, 0, 1, 2))
    ]
    audit.record(store, told)
    assert audit.since(store, at + timedelta(minutes=1), "", 10) == []
    seen: list[str] = []
    begin, after = at, ""
    while page := audit.since(store, begin, after, 2):
        seen += [entry.look.why for entry in page]
        begin, after = page[-1].look.at, page[-1].id
    assert sorted(seen) == ["0", "1", "2", "3", "4"]
