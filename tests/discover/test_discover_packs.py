"""From what a simulated hospital does, discovery proposes what its packs ask for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from benchmarks.verdicts_store import observe
from simulator import history, recording
from simulator.roads import PROCESSES, ROADS
from slo.workflows.discover.conform import fits
from slo.workflows.discover.propose import Proposal, discover
from slo.workflows.load import load
from slo.workflows.model import Step
from slo.workflows.packs import shipped
from tracing.context import SiteKey
from tracing.identity import Resolver
from tracing.store import Store

END = datetime(2026, 3, 30, 12, tzinfo=UTC)
NOW = END + timedelta(days=12)
#: Packs, and what they start with.
STARTS = {
    "discharge-to-cash": ("visit", "ADT^A03@ehr-adt"),
    "discharge-to-bed": ("visit", "ADT^A03@ehr-adt"),
    "registration-to-billing": ("visit", "ADT^A01,ADT^A04@ehr-adt"),
    "admission-to-billing-readiness": ("visit", "ADT^A01,ADT^A04@ehr-adt"),
    "order-to-result": ("visit", "ORM^O01,OML^O21@ehr-orders"),
    "implant-to-inventory": ("visit", "DFT^P03@surgery"),
    "census-to-workforce": ("requisition", "POST /census-changes@beds-workforce"),
}
#: Claims wait for offices and payers longer than this history goes on.
EACH = {"order-to-result": "order", "implant-to-inventory": "charge"}


@pytest.mark.slow
def test_the_steps_of_the_packs_are_found_in_what_the_hospital_does(store: Store, tmp_path: Path) -> None:
    recorded = tmp_path / "recording.jsonl"
    history.write(
        recorded, tmp_path / "truth.jsonl", 5, END - timedelta(days=4), END, rate=30.0,
        settle=timedelta(days=12).total_seconds(), processes=PROCESSES,
    )  # fmt: skip
    observe(store, recording.read(recorded), SiteKey.create(tmp_path / "site.key"))
    Resolver(store).step(NOW)
    proposed = {
        start: discover(store, journey, NOW, days=20, start=start)
        for journey, start in dict.fromkeys(STARTS.values())
    }
    for pack, (_, start) in STARTS.items():
        found = proposed[start]
        missing = [step.name for step in _essential(pack) if not _proposes(found, step)]
        assert not missing, f"{pack}: {missing} in\n{found.yaml}"
        assert (found.thing.kind if found.thing else None) == EACH.get(pack)
        assert found.coverage.rate > 0.4, found.yaml
    # Whose bed is cleaned, and who needs staff and supplies, is told by the start.
    tags = {step.tag for found in proposed.values() for step in found.steps}
    assert tags >= {"patient_class", "service", "facility"}


def _essential(pack: str) -> list[Step]:
    """What somebody waits for; that something must not happen is nothing traffic shows."""
    steps = load(shipped()[pack]).spec.steps
    return [step for step in steps if not step.optional and step.forbidden_before is None]


def _proposes(found: Proposal, step: Step) -> bool:
    activities = [name for one in found.steps for name in (one.members or (one.activity.name,))]
    return any(fits(match, _message(name)) for name in activities for match in step.matches)


def _message(activity: str) -> dict[str, str]:
    what, _, interface = activity.rpartition("@")
    road = ROADS[interface]
    word = "operation" if " " in what else "message"
    return {"interface": interface, "source": road.source, "destination": road.destination, word: what}
