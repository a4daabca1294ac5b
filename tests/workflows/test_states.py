"""The page of states is the model's, and the table of instances is what the words mean."""

from __future__ import annotations

from slo.workflows.facts import instance_state
from slo.workflows.states_page import PAGE, render


def test_the_page_is_what_the_model_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == render()


def test_every_state_of_a_step_is_on_the_page_in_its_row() -> None:
    rows = [
        line.split(" | ")[-1].rstrip(" |")
        for line in render().splitlines()
        if line.startswith(("| yes", "| no |"))
    ]
    assert rows == [
        "not_applicable",
        "met",
        "met_late",
        "cancelled",
        "failed",
        "overdue",
        "not_applicable",
        "at_risk",
        "pending",
        "pending",
    ]


def test_an_instance_is_as_bad_as_its_worst_step_and_complete_only_when_all_is_met() -> None:
    assert instance_state(["met", "failed", "overdue"]) == "failed"
    assert instance_state(["met_late", "overdue", "at_risk"]) == "overdue"
    assert instance_state(["met_late", "at_risk", "pending"]) == "at_risk"
    assert instance_state(["met_late", "pending"]) == "on_track"
    assert instance_state(["met", "met_late", "not_applicable"]) == "completed_late"
    assert instance_state(["met", "not_applicable"]) == "completed"
    assert instance_state(["not_applicable"]) == "completed"
