"""What a week of discharges proposes: steps, deadlines, a condition, coverage, text that passes the check."""

from __future__ import annotations

from datetime import timedelta

import pytest

from slo.workflows.discover.mine import NothingSeen
from slo.workflows.discover.plain import plain_duration
from slo.workflows.discover.propose import discover
from slo.workflows.load import define_text
from tests.workflows.traffic import MONDAY, Span, charge, claim, discharge, insert, journal
from tracing.identity import Resolver
from tracing.store import Store

NOW = MONDAY + timedelta(days=12)
HOUR = timedelta(hours=1)


def traffic() -> list[Span]:
    """Sixty discharges over a week: recurring patients have no claim, two of sixty are never charged."""
    spans: list[Span] = []
    for number in range(60):
        begin, visit = MONDAY + number * 2.5 * HOUR, f"{number}"
        recurring = number % 3 == 0
        spans.append(discharge(visit, patient_class="R" if recurring else "I", start=begin))
        if number not in (7, 8):
            spans.append(charge(visit, 3 + number % 5, start=begin))
        spans.append(journal(visit, 20 + number % 7, start=begin))
        if not recurring:
            spans.append(claim(visit, 24 * 60 + number, start=begin))
        if number in (9, 10):
            spans.append(discharge(visit, 400, message="ADT^A13", patient_class="I", start=begin))
    return spans


@pytest.fixture
def hospital(store: Store) -> Store:
    insert(store, [*traffic(), *traffic()[::3]])
    Resolver(store).step(NOW)
    return store


def test_a_workflow_is_proposed_from_what_happened(hospital: Store) -> None:
    found = discover(hospital, "visit", NOW, days=30, start="ADT^A03@ehr-adt")
    assert [(step.name, step.within, step.optional, step.tag, step.values) for step in found.steps] == [
        ("engine accepted", "1s", False, "", ()),
        ("billing DFT^P03", "10m", False, "", ()),
        ("erp POST /journals", "30m", False, "", ()),
        ("clearinghouse 837", "2 days", False, "patient_class", ("I",)),
    ]
    # Two were cancelled, which is neither; two of the others have no charge.
    assert (found.coverage.had, found.coverage.old) == (56, 58)
    assert found.cancel == "ADT^A13@ehr-adt"

    workflow = define_text(found.yaml, "proposed.yaml").workflow
    assert [step.name for step in workflow.spec.steps] == [step.name for step in found.steps]
    assert workflow.spec.start.message == ("ADT^A03",)
    assert workflow.spec.cancel is not None
    assert "56 of 58 journeys" in found.yaml


def test_paths_and_what_follows_what_are_counted_once_a_journey(hospital: Store) -> None:
    seen = discover(hospital, "visit", NOW, start="ADT^A03@ehr-adt").observed
    usual = ("ADT^A03@ehr-adt", "DFT^P03@billing-adt-dft", "POST /journals@erp-journals", "837@claims-out")
    assert seen.paths[0].activities == usual
    assert sum(path.journeys for path in seen.paths) == seen.paths_of == seen.journeys == 60
    first = seen.follows[0]
    assert (first.first, first.second, first.times) == (usual[0], usual[1], 58)
    assert 180 <= first.p50 <= 420


def test_without_a_start_it_takes_what_journeys_begin_with(hospital: Store) -> None:
    assert discover(hospital, "visit", NOW).observed.start == "ADT^A03@ehr-adt"


def test_what_was_not_seen_is_said(hospital: Store) -> None:
    with pytest.raises(NothingSeen, match="no order was seen"):
        discover(hospital, "order", NOW)
    with pytest.raises(
        NothingSeen, match=r"no visit had ADT\^A99@ehr-adt .* they begin with ADT\^A03@ehr-adt"
    ):
        discover(hospital, "visit", NOW, start="ADT^A99@ehr-adt")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "1s"), (61, "2m"), (1000, "20m"), (7300, "3h"), (90000, "2 days"), (1e9, "90 days")],
)
def test_deadlines_are_those_people_use(seconds: float, words: str) -> None:
    assert plain_duration(seconds)[1] == words
