"""Stories of discharges, judged by the store."""

from __future__ import annotations

from datetime import datetime, timedelta

from slo.workflows.compile import judged
from tests.workflows.conftest import Hospital
from tests.workflows.traffic import (
    MONDAY,
    at,
    charge,
    claim,
    discharge,
    insert,
    journal,
    token_of,
    whole,
)


def states(hospital: Hospital, now: datetime) -> dict[tuple[str, int], str]:
    rows = hospital.store.query(judged(), {"now": now}).rows
    return {(row[2], row[3]): row[6] for row in rows}


def state(hospital: Hospital, visit: str, minutes: float, occurrence: int = 1) -> str | None:
    return states(hospital, at(minutes)).get((token_of(f"visit:{visit}"), occurrence))


def test_everything_in_time_is_completed(hospital: Hospital) -> None:
    hospital.sees(whole("1"))
    assert state(hospital, "1", 1) == "on_track"
    assert state(hospital, "1", 2 * 24 * 60) == "completed"


def test_absence_shows_at_the_millisecond_with_nobody_writing(hospital: Hospital) -> None:
    hospital.sees([discharge("1")])
    assert state(hospital, "1", 15) == "on_track"
    now = at(15) + timedelta(milliseconds=1)
    assert states(hospital, now) == {(token_of("visit:1"), 1): "overdue"}


def test_a_refusal_fails_until_a_later_success(hospital: Hospital) -> None:
    hospital.sees([discharge("1"), charge("1", 3), journal("1", 10, outcome="rejected", reason="closed")])
    assert state(hospital, "1", 12) == "failed"
    hospital.sees([journal("1", 30)])
    assert state(hospital, "1", 12) == "failed"
    assert state(hospital, "1", 31) == "on_track"


def test_late_truth_makes_overdue_into_completed_late(hospital: Hospital) -> None:
    hospital.sees([discharge("1"), journal("1", 20), claim("1", 60)])
    assert state(hospital, "1", 70) == "overdue"
    hospital.sees([charge("1", 65)])
    assert state(hospital, "1", 70) == "completed_late"


def test_a_cancelled_discharge_ends_it_and_a_new_one_is_another_occurrence(hospital: Hospital) -> None:
    hospital.sees([discharge("1"), discharge("1", 5, message="ADT^A13")])
    assert state(hospital, "1", 4) == "on_track"
    assert state(hospital, "1", 600) == "cancelled"
    hospital.sees([discharge("1", 100), charge("1", 103)])
    assert state(hospital, "1", 104) == "cancelled"
    assert state(hospital, "1", 104, occurrence=2) == "on_track"
    assert state(hospital, "1", 700, occurrence=2) == "overdue"


def test_a_repeated_discharge_changes_nothing(hospital: Hospital) -> None:
    hospital.sees([*whole("1"), discharge("1", 7), discharge("1", 9)])
    hospital.sees(whole("1"))
    assert states(hospital, at(99_999)) == {(token_of("visit:1"), 1): "completed"}


def test_a_class_without_claims_is_complete_without_one_and_an_unknown_class_is_not(
    hospital: Hospital,
) -> None:
    for visit, patient_class in (("1", "R"), ("2", ""), ("3", "O")):
        hospital.sees(
            [discharge(visit, patient_class=patient_class), charge(visit, 3), journal(visit, 20)],
        )
    assert [state(hospital, visit, 30) for visit in "123"] == ["completed", "on_track", "on_track"]


def test_a_link_learned_late_moves_the_checkpoints_and_the_old_journey_vanishes(hospital: Hospital) -> None:
    lost_visit = discharge("", account="A1")
    hospital.sees([lost_visit, journal("A1", 20)])
    account = token_of("account:A1")
    assert states(hospital, at(30)) == {(account, 1): "overdue"}
    hospital.sees([charge("V1", 5, account="A1")])
    assert states(hospital, at(30)) == {(token_of("visit:V1"), 1): "on_track"}
    open_rows = hospital.store.query("SELECT journey FROM open_instances FINAL").rows
    assert open_rows == [(token_of("visit:V1"),)]


def test_what_arrives_in_pieces_and_after_a_restart_is_not_lost(hospital: Hospital) -> None:
    from slo.workflows.evaluator import Evaluator

    for span in reversed(whole("1")):
        insert(hospital.store, [span])
        hospital.evaluator = Evaluator(hospital.store)
        hospital.settle()
    assert state(hospital, "1", 99_999) == "completed"


def test_a_step_evaluates_only_what_changed(hospital: Hospital) -> None:
    hospital.sees([*whole("1"), *whole("2")])
    assert hospital.settle() == 0
    insert(hospital.store, [discharge("3")])
    hospital.resolver.step(MONDAY)
    # The visit and its account, both of which got a place just now.
    assert 1 <= hospital.evaluator.step(MONDAY) <= 4


def test_closed_instances_leave_the_open_ones(hospital: Hospital) -> None:
    hospital.sees(whole("1")[:2])
    assert len(hospital.store.query("SELECT * FROM open_instances FINAL").rows) == 1
    hospital.sees(whole("1")[2:])
    assert hospital.store.query("SELECT * FROM open_instances FINAL").rows == []


def test_hours_count_what_started_and_what_was_decided(hospital: Hospital) -> None:
    now = at(10 * 24 * 60)
    hospital.sees([*whole("1"), discharge("2", 30), charge("2", 33)], now)
    rows = hospital.store.query(
        "SELECT hour, started, good, bad, completed FROM instance_hours FINAL "
        "WHERE started + good + bad + completed > 0 ORDER BY hour"
    ).rows
    hour = timedelta(hours=1)
    assert rows == [
        (MONDAY, 2, 0, 0, 0),
        (MONDAY + hour, 0, 0, 1, 0),
        (MONDAY + 24 * hour, 0, 1, 0, 1),
    ]
