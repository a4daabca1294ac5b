"""Reconciliation, drafts and discovery over REST and on the page, by role, and what is written down of it."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from dashboard.pages.reconciliation import headline
from tests.dashboard.conftest import Site
from tests.dashboard.fake_hospital import JOURNEY
from tests.dashboard.fake_workbench import report

API = "/api/v1/workflows"
IMPLANTS = f"{API}/implant-to-inventory"
YAML = (Path(__file__).parents[2] / "workflows" / "registration-to-billing.yaml").read_text()


def test_a_reconciliation_names_who_makes_the_difference_and_that_is_written_down(site: Site) -> None:
    answer = site.signed_in("noc", "rivera").get(f"{IMPLANTS}/reconciliation?days=7&by=day")
    (report,) = answer.json["reports"]
    assert (report["state"], report["differing"], report["tolerance"]) == ("differs", 1, "0")
    assert [group["values"] for group in report["groups"]] == [[9.0, 9.0], [12.0, 11.0]]
    (one,) = report["differences"]
    assert [(said["step"], said["why"]) for said in one["said"]] == [("used", ""), ("decremented", "missing")]
    (look,) = site.hospital.looks
    assert (look.who, look.action, look.journey) == ("rivera", "list", JOURNEY)
    assert look.why == "reconciliation of implant-to-inventory"


def test_an_executive_gets_sums_without_journeys(site: Site) -> None:
    answer = site.signed_in("executive").get(f"{IMPLANTS}/reconciliation")
    assert answer.json["reports"][0]["differing"] == 1
    assert answer.json["reports"][0]["differences"] == []
    assert JOURNEY not in answer.text
    assert site.hospital.looks == []


def test_a_workflow_that_is_not_there_and_a_group_that_makes_no_sense(site: Site) -> None:
    assert site.program().get(f"{API}/nothing/reconciliation").status == 404
    assert site.program().get(f"{API}/nothing/conformance").status == 404
    assert site.program().get(f"{API}/nothing/versions").status == 404
    wrong = site.program().get(f"{IMPLANTS}/reconciliation?by=%C2%A7")
    assert (wrong.status, wrong.json["detail"]) == (422, "cannot group by §")


def test_versions_and_conformance(site: Site) -> None:
    (version,) = site.program().get(f"{IMPLANTS}/versions").json["versions"]
    assert (version["version"], version["active"]) == (2, True)
    found = site.program().get(f"{IMPLANTS}/conformance?days=30").json
    assert [(one["kind"], one["count"]) for one in found["deviations"]] == [("late", 3)]


def test_a_draft_is_scored_and_a_wrong_one_is_told_where(site: Site) -> None:
    found = site.program().post(f"{API}/backtest", {"yaml": YAML, "days": 30}).json
    assert (found["workflow"], found["changed"], found["compared"]) == ("registration-to-billing", 1, 12)
    assert (found["then"]["share"], found["now"]["good"]) == (10 / 12, 11)
    wrong = site.program().post(f"{API}/backtest", {"yaml": YAML.replace("within: 15m", "within: soon")})
    assert wrong.status == 422
    assert "within" in wrong.json["detail"]


@pytest.mark.parametrize(
    ("rescore", "year"),
    [({}, None), ({"rescore": True}, 1970), ({"rescore": True, "since": "2026-03-01T00:00:00Z"}, 2026)],
)
def test_an_activation_is_written_down_with_who_did_it(
    site: Site, rescore: dict[str, object], year: int | None
) -> None:
    answer = site.signed_in("engineer", "rivera").post(f"{API}/activate", {"yaml": YAML, **rescore})
    assert answer.json == {"workflow": "registration-to-billing", "version": 3, "changed": True}
    ((name, valid_from),) = site.hospital.bench.activated
    assert (name, valid_from.year if valid_from else None) == ("registration-to-billing", year)
    (look,) = site.hospital.looks
    assert (look.who, look.role, look.action) == ("rivera", "engineer", "activate")
    assert look.why.startswith("registration-to-billing")


@pytest.mark.parametrize("what", ["backtest", "activate", "discover"])
@pytest.mark.parametrize("role", ["noc", "executive"])
def test_drafts_are_for_those_whose_work_they_are(site: Site, what: str, role: str) -> None:
    assert (
        site.signed_in(role).post(f"{API}/{what}", {"yaml": YAML} if what != "discover" else {}).status == 403
    )
    assert site.hospital.bench.activated == []


def test_a_workflow_is_proposed(site: Site) -> None:
    found = site.program().post(f"{API}/discover", {"journey": "visit", "days": 30}).json
    assert (found["start"], found["coverage"], found["coverage_of"]) == ("ADT^A03@ehr", 0.9, 10)
    assert found["paths"][0]["activities"] == ["DFT^P03@billing"]
    assert site.program().post(f"{API}/discover", {"journey": "mrn"}).status == 422


def test_the_csv_has_sums_for_everybody(site: Site) -> None:
    answer = site.signed_in("executive").get("/export/reconciliation.csv?workflow=implant-to-inventory")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["group"], row["step"], row["value"], row["difference"]) for row in rows[2:]] == [
        ("2026-03-12", "used", "12", "0"),
        ("2026-03-12", "decremented", "11", "-1"),
    ]
    assert JOURNEY not in answer.text


def test_the_headline_is_of_most_of_the_money_and_says_which() -> None:
    whole = report(JOURNEY)
    named = replace(whole.groups[1], currency="USD", counts=(30, 29), values=(900.0, 880.5))
    unnamed = replace(whole.groups[1], counts=(0, 1), values=(0.0, 12.0))
    agrees = replace(whole.groups[0], currency="EUR", counts=(99, 99))
    said = headline([replace(whole, measure="amount", groups=(unnamed, named, agrees))])
    assert said == "Used says 900\N{NO-BREAK SPACE}USD, decremented says 880.50\N{NO-BREAK SPACE}USD"
    assert headline([replace(whole, groups=(unnamed, agrees))]).startswith("Used says 0, decremented says 12")
