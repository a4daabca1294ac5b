"""Encounters are decided by the seed and the hour alone, in the shape and with the faults asked for."""

from __future__ import annotations

import random
from collections import Counter

from simulator.config import NO_FAULTS, Population, Rates
from simulator.model import DAY, HOUR, HOURLY, Fault, Stream, Trait, outages, plan, spoil
from simulator.population import Casebook

MONDAY = 1772409600.0  # 2026-03-02T00:00:00Z


def stream(rate: float = 60.0, rates: Rates | None = None) -> Stream:
    return Stream("history", "1", rate, HOURLY, rates or Rates())


def test_the_same_seed_plans_the_same_encounters_and_another_seed_others() -> None:
    first = list(plan(7, MONDAY, MONDAY + DAY, stream()))
    assert first == list(plan(7, MONDAY, MONDAY + DAY, stream()))
    assert first != list(plan(8, MONDAY, MONDAY + DAY, stream()))


def test_a_span_holds_the_same_encounters_whatever_was_asked_before() -> None:
    whole = list(plan(7, MONDAY, MONDAY + 3 * DAY, stream()))
    middle = MONDAY + DAY + 1234.5
    assert (
        list(plan(7, MONDAY, middle, stream())) + list(plan(7, middle, MONDAY + 3 * DAY, stream())) == whole
    )


def test_the_busiest_hour_has_2_7_times_the_average() -> None:
    assert abs(sum(HOURLY) - 24) < 1e-9
    assert 2.6 < max(HOURLY) < 2.8
    encounters = list(plan(1, MONDAY, MONDAY + 200 * DAY, stream()))
    assert abs(len(encounters) / 200 - 60) < 3
    by_hour = Counter(int(e.discharged % DAY // HOUR) for e in encounters)
    assert 2.4 < max(by_hour.values()) / (len(encounters) / 24) < 3.0


def test_numbers_are_never_given_twice() -> None:
    encounters = list(plan(1, MONDAY, MONDAY + 20 * DAY, stream(200)))
    assert len({e.visit for e in encounters}) == len(encounters)
    assert len({e.account for e in encounters}) == len(encounters)
    assert all(e.wrong_visit not in {e.visit for e in encounters} for e in encounters)


def test_most_discharges_go_well_and_every_fault_comes_at_its_rate() -> None:
    encounters = list(plan(3, MONDAY, MONDAY + 300 * DAY, stream()))
    faults = Counter(e.fault for e in encounters)
    assert 0.89 < faults[Fault.NONE] / len(encounters) < 0.94
    for name, rate in Rates().harmful():
        # Emergency visits have no claim to lose.
        expected = rate * (0.8 if name == "claim_lost" else 1)
        assert 0.6 * expected < faults[Fault(name)] / len(encounters) < 1.5 * expected, name
    seen = Counter(trait for e in encounters for trait in e.traits)
    assert set(seen) == set(Trait)


def test_without_faults_there_are_none() -> None:
    encounters = list(plan(3, MONDAY, MONDAY + 10 * DAY, stream(rates=NO_FAULTS)))
    assert {(e.fault, e.traits) for e in encounters} == {(Fault.NONE, frozenset())}
    assert outages(3, MONDAY, MONDAY + 100 * DAY, NO_FAULTS) == []


def test_ordinary_delays_keep_every_deadline() -> None:
    for e in plan(5, MONDAY, MONDAY + 60 * DAY, stream(rates=NO_FAULTS)):
        assert e.billing_delay <= 240
        assert e.erp_delay <= 900
        assert e.claim_delay <= 44 * HOUR
        assert e.admitted < e.discharged


def test_a_late_road_misses_its_deadline_by_design() -> None:
    dice = random.Random(1)
    (encounter,) = list(plan(5, MONDAY, MONDAY + DAY, stream(rates=NO_FAULTS)))[:1]
    assert spoil(dice, encounter, Fault.LATE, "billing").billing_delay > 900
    assert spoil(dice, encounter, Fault.LATE, "erp").erp_delay > 3600
    assert spoil(dice, encounter, Fault.LATE, "claim").claim_delay >= 7 * DAY


def test_examples_are_discharged_so_that_deadlines_pass_in_the_first_minute() -> None:
    book = Casebook(Population(seed=1, history_start=MONDAY, history_end=MONDAY + DAY, examples=True))
    found = book.examples()
    billing = [e for e in found if e.fault is Fault.LOST_IN_ENGINE and e.where == "billing"]
    assert any(MONDAY + DAY < e.discharged + 900 < MONDAY + DAY + 60 for e in billing)
    assert any(MONDAY + DAY < e.discharged + 60 < MONDAY + DAY + 60 for e in found)
    assert {e.fault for e in found} >= {Fault.LOST_IN_ENGINE, Fault.ERP_REFUSED, Fault.ENGINE_REFUSED}
    assert all(book.encounters[e.key] is e for e in found)


def test_the_live_stream_begins_where_history_ends() -> None:
    end = MONDAY + DAY
    book = Casebook(Population(seed=1, history_start=MONDAY, history_end=end, rate=0, live_rate=6000))
    assert list(book.admit_until(end)) == []
    first = list(book.admit_until(end + HOUR))
    assert abs(len(first) - 250) < 60
    assert all(end <= e.discharged < end + HOUR and e.discharged - e.admitted <= 120 for e in first)
    assert not {e.visit for e in first} & {e.visit for e in book.admit_until(end + 2 * HOUR)}
