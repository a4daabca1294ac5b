"""The SQL of reconciliation against the plain-Python reference: any order, repetition and grouping."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slo.workflows.load import define_text
from slo.workflows.reconcile import report
from slo.workflows.reconcile.model import Reconcile
from slo.workflows.reconcile.reference import Occurrence, Sighting, StepThen, cases, groups
from tests.reconcile.implants import NOW, WORKFLOW, store_occurrences, store_sightings
from tracing.store import Store

STEPS = ("used", "decremented", "journal")
MINUTE = timedelta(minutes=1)
START = datetime(2026, 3, 2, 4, 30, tzinfo=UTC)  # half an hour before midnight in New York
MOMENTS = st.integers(-30, 3000).map(lambda minutes: START + minutes * MINUTE)
# Amounts that no binary fraction holds, and one that is too small to matter.
AMOUNTS = st.sampled_from([1.0, 2.0, 0.1, 0.29, 1204.55, 3e-9])
RULES = st.builds(
    Reconcile,
    measure=st.sampled_from(["count", "amount"]),
    steps=st.sampled_from([STEPS, STEPS[:2], ("journal", "used")]),
    by=st.sampled_from([("day",), ("facility",), ("item",), ("cost_centre",), ("day", "cost_centre")]),
    tolerance=st.sampled_from([0, 1, "25%"]),
)


@st.composite
def sightings(draw: st.DrawFn, journey: str, item: str) -> list[Sighting]:
    found = []
    for number in range(draw(st.integers(0, 4))):
        one = Sighting(
            journey=journey,
            item=item,
            step=draw(st.sampled_from(STEPS)),
            identity=f"{journey}{item}{number}",
            at=draw(MOMENTS),
            span_id=f"{journey}{item}{number}.0",
            facility=draw(st.sampled_from(["N", "S"])),
            tags=draw(st.sampled_from([{}, {"cost_centre": "7"}, {"cost_centre": "8", "currency": "USD"}])),
            measures={"amount": draw(AMOUNTS)} if draw(st.integers(0, 5)) else {},
        )
        found.append(one)
        for again in range(draw(st.integers(0, 2))):
            later = one.at + draw(st.integers(0, 90)) * MINUTE
            found.append(replace(one, at=later, span_id=f"{one.span_id[:-1]}{again + 1}"))
    return found


@st.composite
def occurrences(draw: st.DrawFn, journey: str, item: str) -> list[Occurrence]:
    begins = sorted(draw(st.sets(MOMENTS, max_size=2)))
    state = st.sampled_from(
        [
            StepThen(),
            StepThen(met=True),
            StepThen(refused=True),
            StepThen(overdue=True),
            StepThen(applicable=False),
        ]
    )
    return [
        Occurrence(
            journey=journey,
            item=item,
            number=number,
            started_at=begin,
            facility=draw(st.sampled_from(["N", "S"])),
            cancelled=draw(st.integers(0, 4)) == 0,
            steps={name: draw(state) for name in STEPS},
        )
        for number, begin in enumerate(begins, 1)
    ]


@st.composite
def hospitals(draw: st.DrawFn, each: bool) -> tuple[list[Sighting], list[Occurrence]]:
    seen: list[Sighting] = []
    known: list[Occurrence] = []
    for number in range(draw(st.integers(1, 12))):
        for item in [f"item{n}" for n in range(draw(st.integers(1, 3)))] if each else [""]:
            seen += draw(sightings(f"journey{number}", item))
            known += draw(occurrences(f"journey{number}", item))
    return seen, known


def comparable(found: Iterable[object]) -> list[str]:
    return sorted(map(repr, found))


@pytest.mark.slow
@pytest.mark.parametrize("each", ["", "for_each: item"])
@settings(max_examples=4, suppress_health_check=list(HealthCheck))
@given(data=st.data(), rule=RULES, days=st.integers(1, 4), seed=st.integers(0, 9))
def test_the_sql_says_what_the_reference_says_in_any_order_and_however_often(
    store: Store, each: str, data: st.DataObject, rule: Reconcile, days: int, seed: int
) -> None:
    for table in ("checkpoints", "instances"):
        store.command(f"TRUNCATE TABLE {table}")
    seen, known = data.draw(hospitals(bool(each)))
    zone = "America/New_York"
    begin = report.since(NOW, days, zone)
    wanted = cases(rule, seen, known, begin, NOW, zone)
    shuffled = [*seen, *seen[::2]]
    random.Random(seed).shuffle(shuffled)
    store_sightings(store, shuffled[::2])
    store_sightings(store, shuffled[1::2])
    store_occurrences(store, known)

    workflow = define_text(WORKFLOW.format(each=each), "implants.yaml").workflow
    found = report.compare(store, workflow, 1, rule, NOW, begin, zone, 1000)
    assert comparable(found.groups) == comparable(groups(rule, wanted))
    assert comparable(
        (one.journey, one.item, one.occurrence, one.keys, tuple(said.count for said in one.said))
        for one in found.differences
    ) == comparable(
        (one.journey, one.item, one.number, one.keys, one.counts)
        for one in wanted
        if one.fate == "settled" and one.apart > rule.tolerance.share * abs(one.values[0])
    )
