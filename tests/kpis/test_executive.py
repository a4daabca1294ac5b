from datetime import date
from importlib.resources import files
from pathlib import Path

import pytest

from slo.kpis import WorkflowKpi, executive
from slo.objectives import activate as activate_objectives
from slo.objectives import status
from slo.workflows.activate import activate
from tests.kpis.encounters import DAY, HOUR, MINUTE, NOW, Encounter, good, lost_at_erp, write
from tracing.store import Store

DEFINITION = """\
apiVersion: caretrail/v1
kind: Workflow
metadata: {name: discharge-to-cash, title: Discharge reached billing and ERP, owner: Revenue cycle}
spec:
  start: {system: ehr, message: ADT^A03}
  steps:
    - {name: billing ready, match: {destination: billing}, within: 15m}
    - {name: ERP posted, match: {destination: erp}, within: 60m}
    - {name: claim submitted, match: {message: 837}, within: 3d}
"""


@pytest.fixture
def hospital(store: Store) -> Store:
    activate(store, DEFINITION, NOW - 90 * DAY)
    activate_objectives(store, ["discharge-to-cash"], NOW)
    return store


def kpi(store: Store) -> WorkflowKpi:
    (found,) = executive(store, NOW)
    return found


def test_a_workflow_without_encounters_shows_no_numbers(hospital: Store) -> None:
    found = kpi(hospital)
    assert (found.title, found.owner) == ("Discharge reached billing and ERP", "Revenue cycle")
    assert [figure.value for figure in found.figures] == [None] * 6
    assert {figure.direction for figure in found.figures} == {"unknown"}
    assert all(point.value is None for figure in found.figures for point in figure.trend)
    assert found.movers == ()


def test_on_time_compares_with_the_period_before_and_the_target(hospital: Store) -> None:
    write(
        hospital,
        [
            *(good(5 * DAY + number * HOUR) for number in range(45)),
            *(lost_at_erp(5 * DAY + number * HOUR) for number in range(5)),
            *(good(40 * DAY + number * HOUR) for number in range(99)),
            lost_at_erp(40 * DAY),
            Encounter(4 * DAY, {}, cancelled=MINUTE),
            Encounter(10 * MINUTE, {}),
        ],
    )
    figure = kpi(hospital).on_time
    assert (figure.value, figure.previous) == (0.9, 0.99)
    assert (figure.count, figure.previous_count) == (50, 100)
    assert (figure.target, figure.on_target, figure.direction) == (0.95, False, "worse")
    assert figure.sentence == (
        "90.0 % of 50 encounters had every step in time; 99.0 % in the 30 days before. Target 95.0 %: missed."
    )
    assert (len(figure.trend), figure.trend[-1].day) == (30, date(2026, 3, 31))
    assert sum(point.count for point in figure.trend) == 50


def test_a_young_site_compares_halves_of_what_is_known(hospital: Store) -> None:
    write(
        hospital,
        [
            *(good(number * 12 * HOUR) for number in range(1, 41)),
            *(good(15 * DAY + number * HOUR) for number in range(40)),
            *(lost_at_erp(12 * DAY + number * HOUR) for number in range(20)),
        ],
    )
    figure = kpi(hospital).on_time
    assert figure.sentence.endswith("in the 10 days before. Target 95.0 %: met.")
    assert (figure.value, figure.direction) == (1.0, "better")
    assert len(figure.trend) == 30
    assert sum(point.count for point in figure.trend) == figure.count + figure.previous_count


def test_the_page_and_the_objective_never_disagree(hospital: Store) -> None:
    write(
        hospital,
        [
            *(good(number * 7 * HOUR + 49 * HOUR) for number in range(120)),
            *(lost_at_erp(number * 31 * HOUR) for number in range(30)),
            Encounter(2 * DAY, {"billing ready": 16 * MINUTE, "ERP posted": MINUTE}),
            Encounter(2 * DAY, {}, cancelled=DAY),
        ],
    )
    (objective,) = status(hospital, NOW)
    figure = kpi(hospital).on_time
    assert (figure.value, figure.count) == (objective.rate, objective.tally.total)


def test_days_are_the_sites_own(hospital: Store) -> None:
    write(hospital, [good(2 * DAY, claim=DAY - 8 * HOUR)])  # claim at 04:00 UTC on 30 March
    days = {
        zone: [point.day for point in executive(hospital, NOW, zone=zone)[0].on_time.trend if point.count]
        for zone in ("UTC", "America/New_York", "America/Los_Angeles")
    }
    assert days["UTC"] == days["America/New_York"] == [date(2026, 3, 30)]
    assert days["America/Los_Angeles"] == [date(2026, 3, 29)]


def test_cycle_time_is_from_start_to_the_last_step(hospital: Store) -> None:
    write(
        hospital,
        [
            *(good(10 * DAY, claim=number * HOUR) for number in range(1, 12)),
            *(good(45 * DAY, claim=12 * HOUR) for _ in range(3)),
            lost_at_erp(10 * DAY),
        ],
    )
    found = kpi(hospital)
    assert (found.cycle_median.value, found.cycle_p90.value) == (6 * 3600, 10 * 3600)
    assert (found.cycle_median.previous, found.cycle_median.direction) == (12 * 3600, "better")
    assert (found.cycle_median.count, found.cycle_median.previous_count) == (11, 3)
    assert found.cycle_median.title == "Start to claim submitted, median"
    days = {point.day: (point.value, point.count) for point in found.cycle_median.trend if point.count}
    assert days == {date(2026, 3, 21): (6 * 3600, 11)}


def test_incidents_are_runs_of_troubled_hours(hospital: Store) -> None:
    base = 5 * DAY
    refused = {"ERP posted": 10 * MINUTE}
    write(
        hospital,
        [
            *(lost_at_erp(base - number * MINUTE) for number in range(4)),
            *(lost_at_erp(base - HOUR - number * MINUTE) for number in range(3)),
            *(
                Encounter(2 * DAY - number * MINUTE, {"billing ready": MINUTE}, failed=refused)
                for number in range(3)
            ),
            lost_at_erp(9 * DAY),
            *(lost_at_erp(40 * DAY - number * MINUTE) for number in range(5)),
        ],
    )
    found = kpi(hospital)
    assert [(one.affected, one.seconds, one.step) for one in found.incident_list] == [
        (3, 3600, "ERP posted"),
        (7, 7200, "ERP posted"),
    ]
    values = [(figure.value, figure.previous) for figure in found.figures[3:]]
    assert values == [(2, 1), (7200, 3600), (10, 5)]
    assert found.incidents.direction == "worse"
    trend = {point.day: point.value for point in found.incidents.trend if point.value}
    assert trend == {date(2026, 3, 26): 1, date(2026, 3, 29): 1}


def test_what_got_worse_names_step_and_facility(hospital: Store) -> None:
    write(
        hospital,
        [
            *(good(5 * DAY + number * HOUR, facility="NSH-SOUTH") for number in range(60)),
            *(lost_at_erp(5 * DAY + number * HOUR, facility="NSH-NORTH") for number in range(30)),
            *(good(5 * DAY + number * HOUR, facility="NSH-NORTH") for number in range(60)),
            *(good(40 * DAY + number * HOUR, facility="NSH-SOUTH") for number in range(60)),
            *(good(40 * DAY + number * HOUR, facility="NSH-NORTH") for number in range(60)),
        ],
    )
    found = kpi(hospital)
    assert {(mover.kind, mover.name, mover.direction) for mover in found.movers} == {
        ("facility", "NSH-NORTH", "worse"),
        ("step", "ERP posted", "worse"),
        ("step", "claim submitted", "worse"),
    }
    north = next(mover for mover in found.movers if mover.kind == "facility")
    assert (north.rate, north.previous, north.count, north.previous_count) == (2 / 3, 1, 90, 60)


def test_every_figure_has_its_definition_and_its_sql(hospital: Store) -> None:
    found = kpi(hospital)
    definitions = [figure.definition for figure in found.figures] + [found.movers_definition]
    for definition in definitions:
        sql = (files("slo.kpis") / definition.sql).read_text()
        assert sql.startswith("-- ")
        assert len(definition.plain) > 40
        assert definition.formula
    assert len({figure.name for figure in found.figures}) == 6
    assert all(getattr(found, figure.name) is figure for figure in found.figures)


def test_figures_hold_no_journey(hospital: Store, tmp_path: Path) -> None:
    write(hospital, [good(5 * DAY), *(lost_at_erp(5 * DAY) for _ in range(5))])
    assert "0" * 30 not in repr(executive(hospital, NOW))
