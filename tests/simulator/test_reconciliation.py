"""Where systems say other numbers than they were told, reconciliation names them and no others."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from benchmarks.verdicts_store import observe
from benchmarks.verdicts_truth import AUTHORITY
from simulator import history, recording, truth
from simulator.config import Rates
from simulator.fates import ProcessRates
from slo.workflows import Evaluator, define
from slo.workflows.activate import activate_all
from slo.workflows.packs import shipped
from slo.workflows.reconcile.report import reconcile
from slo.workflows.reconcile.rows import Report
from tracing.context import SiteKey
from tracing.identity import Resolver
from tracing.keys import Key, Sealer
from tracing.store import Store

END = datetime(2026, 3, 4, 12, tzinfo=UTC)
LATER = END + timedelta(days=20)
PACKS = ("implant-to-inventory", "case-cost", "claim-to-remittance", "discharge-to-cash")
NOTHING = ProcessRates().times(0)
NUMBERS = ProcessRates(**{**asdict(NOTHING), "differs": 0.2, "partial": 0.2})


class Hospital:
    """A day in which nothing is late, lost or refused, and some numbers are wrong."""

    def __init__(self, folder: Path, store: Store) -> None:
        paths = folder / "recording.jsonl", folder / "truth.jsonl"
        history.write(
            *paths, 4, END - timedelta(days=1), END, rate=24, rates=Rates().times(0), process_rates=NUMBERS,
            settle=15 * 86400, processes=("implants", "claims"),
        )  # fmt: skip
        self.told = truth.load(paths[1])
        site = SiteKey.create(folder / "site.key")
        self.sealer, self.store = Sealer(site), store
        activate_all(store, [define(shipped()[name]) for name in PACKS], END)
        observe(store, recording.read(paths[0]), site)
        Resolver(store).step(LATER)
        Evaluator(store).step(LATER)

    def faults(self, message: str, *kinds: str) -> set[tuple[str, str]]:
        """(visit, number) of what was decided about a message."""
        return {
            (record["visit"], fault["number"])
            for record in self.told.values()
            for fault in record["faults"]
            if fault["message"] == message and fault["fault"] in kinds
        }

    def named(self, name: str) -> list[tuple[str, set[tuple[str, str]], Report]]:
        """Of each rule of a pack the measure, the (journey, item) it names, and all it says."""
        return [
            (report.measure, {(one.journey, one.item) for one in report.differences}, report)
            for report in reconcile(self.store, name, LATER, days=30, limit=1000)
        ]

    def token(self, kind: str, value: str) -> str:
        """Of a number of this hospital."""
        return self.sealer.token(Key(kind, AUTHORITY, value))

    def expected(self, kind: str, found: set[tuple[str, str]]) -> set[tuple[str, str]]:
        """The same by journey and item."""
        return {
            (self.token("visit", visit), self.token(kind, number) if kind else "") for visit, number in found
        }


@pytest.fixture
def hospital(tmp_path: Path, store: Store) -> Hospital:
    return Hospital(tmp_path, store)


def test_reconciliation_names_whose_numbers_differ_and_nobody_else(hospital: Hospital) -> None:
    missing = hospital.faults("POST /inventory/issues", "partial")
    wrong = hospital.faults("POST /inventory/issues", "differs") - missing
    assert missing
    assert wrong
    counted, quantities, amounts = hospital.named("implant-to-inventory")
    assert counted[:2] == ("count", hospital.expected("charge", missing))
    assert quantities[:2] == ("quantity", hospital.expected("charge", missing | wrong))
    assert amounts[:2] == ("amount", hospital.expected("charge", missing | wrong))
    assert {said.why for one in quantities[2].differences for said in one.said} == {
        "", "missing", "another value",
    }  # fmt: skip

    cost, _ = hospital.named("case-cost")
    stays = {(visit, "") for visit, _ in missing | wrong}
    assert cost[:2] == ("amount", hospital.expected("", stays))

    posted = {(visit, "") for visit, _ in hospital.faults("POST /journals", "differs")}
    journals, claimed = hospital.named("discharge-to-cash")
    assert posted
    assert journals[1] == hospital.expected("", posted)
    assert {group.currency for group in journals[2].groups} == {"USD"}
    assert claimed[1] == set()

    paid = hospital.faults("835", "differs")
    accepted, remitted = hospital.named("claim-to-remittance")
    assert accepted[1] == set()
    assert paid
    named = {(journey, "") for journey, _ in remitted[1]}  # a claim is its payer's number as well as its own
    assert named == hospital.expected("", paid)
