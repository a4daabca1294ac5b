"""Closed instances are sealed; what late truth changes of them is written down once, and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from dashboard.pages import late_truth
from dashboard.pages.frame import Frame
from slo.workflows import read
from slo.workflows.evaluator import Evaluator
from slo.workflows.read import Change, Difference, changes
from tests.workflows.conftest import Hospital
from tests.workflows.traffic import MONDAY, at, charge, claim, discharge, insert, journal, token_of, whole


def traced(hospital: Hospital, visit: str = "1") -> list[Change]:
    return changes(hospital.store, token_of(f"visit:{visit}"))


def state(hospital: Hospital, minutes: float) -> str:
    journey = read.journey(hospital.store, token_of("visit:1"), at(minutes))
    assert journey is not None
    return journey.workflows[0].state


def test_what_happens_while_it_is_open_leaves_no_trace(hospital: Hospital) -> None:
    for span in whole("1"):
        hospital.sees([span])
    hospital.sees(whole("1"))
    assert state(hospital, 2000) == "completed"
    assert traced(hospital) == []


def test_an_earlier_success_that_comes_late_is_traced_once(hospital: Hospital) -> None:
    # Billing was seen late, then it turns out that a first message had reached it in time.
    hospital.sees([discharge("1"), charge("1", 40), journal("1", 20), claim("1", 600)])
    assert state(hospital, 2000) == "completed_late"
    hospital.sees([charge("1", 5)])
    assert state(hospital, 2000) == "completed"
    (change,) = traced(hospital)
    charged = timedelta(minutes=0.01)
    assert change.differences == (Difference("billing ready", "met_at", at(40) + charged, at(5) + charged),)
    assert not change.reopened
    hospital.sees([charge("1", 5)])
    hospital.evaluator = Evaluator(hospital.store)
    hospital.settle()
    assert traced(hospital) == [change]


def test_a_cancellation_that_comes_late_is_traced(hospital: Hospital) -> None:
    hospital.sees(whole("1"))
    hospital.sees([discharge("1", 30, message="ADT^A13")])
    (change,) = traced(hospital)
    assert change.differences[0] == Difference("", "cancelled_at", None, at(30))
    # What was met after the cancellation does not count any more.
    assert [one.step for one in change.differences[1:]] == ["claim submitted"]
    assert state(hospital, 2000) == "cancelled"


def test_a_cancelled_one_reopens_when_the_discharge_turns_out_to_be_another(hospital: Hospital) -> None:
    hospital.sees([discharge("1", 10), discharge("1", 15, message="ADT^A13")])
    assert state(hospital, 20) == "cancelled"
    # An older discharge and its cancellation: what was the first is the second occurrence now.
    hospital.sees([discharge("1", 1), discharge("1", 2, message="ADT^A13"), discharge("1", 30)])
    (change,) = traced(hospital)
    assert change.occurrence == 1
    assert Difference("", "started_at", at(10), at(1)) in change.differences
    assert Difference("", "cancelled_at", at(15), at(2)) in change.differences


def test_a_success_that_turns_out_to_be_another_journeys_reopens(hospital: Hospital) -> None:
    hospital.sees(whole("1"))
    token = token_of("visit:1")
    hospital.store.command(
        "ALTER TABLE checkpoints DELETE WHERE step = 'ERP posted' SETTINGS mutations_sync = 2"
    )
    insert(hospital.store, [discharge("1", 7)])
    hospital.settle()
    (change,) = changes(hospital.store, token)
    assert change.reopened
    assert [(one.step, one.fact, one.after) for one in change.differences] == [("ERP posted", "met_at", None)]
    assert state(hospital, 2000) == "overdue"


def test_an_instance_that_a_late_link_dissolves_is_found_under_the_new_journey(hospital: Hospital) -> None:
    lost = [discharge("", account="A1", patient_class="R"), journal("A1", 20)]
    hospital.sees([*lost, discharge("", 25, account="A1", message="ADT^A13")])
    hospital.sees([charge("V1", 5, account="A1")])
    (change,) = traced(hospital, "V1")
    assert change.journey == token_of("account:A1")
    assert [one.fact for one in change.differences] == ["vanished"]


def test_a_refusal_after_the_success_and_a_second_success_change_nothing(hospital: Hospital) -> None:
    hospital.sees(whole("1"))
    hospital.sees([journal("1", 50, outcome="rejected"), charge("1", 90), discharge("1", 9)])
    assert traced(hospital) == []


def test_judging_under_another_version_leaves_no_trace(hospital: Hospital) -> None:
    hospital.sees(whole("1"))
    hospital.store.command("TRUNCATE TABLE reader_progress")
    hospital.evaluator = Evaluator(hospital.store)
    hospital.settle(MONDAY + timedelta(days=9))
    assert traced(hospital) == []


def test_the_encounter_page_says_what_was_believed_before(hospital: Hospital) -> None:
    hospital.sees([discharge("1"), charge("1", 40), journal("1", 20), claim("1", 600)])
    hospital.sees([charge("1", 5)])
    journey = read.journey(hospital.store, token_of("visit:1"), at(2000))
    assert journey is not None
    frame = Frame(at(2000), ZoneInfo("UTC"), "Northside", "/", {})
    section = late_truth.section(frame, journey)
    text = str(section)
    assert "Discharge reached billing and ERP: " in text
    assert "billing ready seen Mon 14:05, before: seen Mon 14:40" in text
    assert late_truth.section(frame, replace(journey, changes=[])) is None
