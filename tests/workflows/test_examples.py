"""Examples beside workflows, workflows in words, and what changes from one to another."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from slo.workflows import packs
from slo.workflows.changes import changes
from slo.workflows.examples import beside, run
from slo.workflows.load import WorkflowError, define, define_text
from slo.workflows.words import in_words

SHIPPED = packs.shipped()
CASH = SHIPPED["discharge-to-cash"]
TEXT = CASH.read_text()


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_every_shipped_pack_has_examples_and_holds_them(name: str) -> None:
    compared, wrong = run(define(SHIPPED[name]), beside(SHIPPED[name]))
    assert wrong == []
    assert compared >= 8


def test_a_verdict_that_is_another_is_named_with_file_and_line(tmp_path: Path) -> None:
    file = tmp_path / "cash.yaml"
    file.write_text(
        beside(CASH).read_text().replace("{after: 61m, state: overdue", "{after: 61m, state: on_track")
    )
    _, wrong = run(define(CASH), file)
    (line,) = [line for line in wrong if "the ERP never hears of it" in line]
    assert line.startswith(f"{file}:")
    assert line.endswith("expected on_track, it is overdue")


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ("state: completed,", "state: complete,", "'complete' is no state (did you mean 'completed'?)"),
        (
            "steps: {ERP posted: failed}",
            "steps: {ERP postd: failed}",
            "no step 'ERP postd' (did you mean 'ERP posted'?)",
        ),
        ("outcome: rejected", "outcome: rejectd", "(did you mean 'rejected'?)"),
        ("{after: 8h,", "{after: 8,", "needs a unit"),
        ("{after: 4 days,", "{after: 4 business days,", "is a time that passes"),
    ],
)
def test_a_wrong_example_file_is_refused_with_file_line_and_word(
    tmp_path: Path, right: str, wrong: str, says: str
) -> None:
    file = tmp_path / "cash.yaml"
    text = beside(CASH).read_text()
    assert right in text
    file.write_text(text.replace(right, wrong, 1))
    with pytest.raises(WorkflowError) as refused:
        run(define(CASH), file)
    (problem,) = refused.value.problems
    assert says in problem
    assert problem.startswith(f"{file}:")


def test_a_workflow_in_words() -> None:
    words = in_words(define(CASH).workflow)
    assert words[1] == "It starts when ADT^A03 on ehr-adt is sent, whatever is answered."
    assert words[3].startswith(
        "1. engine accepted: within 1m of the start, ADT^A03 on ehr-adt to engine is accepted;"
    )
    assert "only where patient_class is I or O, or not known" in words[6]
    assert "A message that names only a patient does not count for the visit it probably belongs to." in words


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ("within: 15m", "within: 900s", []),
        ("within: 15m", "within: 20m", ["step billing ready: within 20m instead of 15m"]),
        (
            "criticality: high",
            "criticality: low",
            ["criticality: high -> low", "a message that names only a patient counts now"],
        ),
        (
            "message: ADT^A13",
            "message: ADT^A11",
            ["cancelled by ADT^A11 on ehr-adt instead of ADT^A13 on ehr-adt"],
        ),
        ("objective: {target: 0.98}", "objective: {target: 0.9}", ["objective: 0.98 -> 0.9"]),
        (
            "ERP posted",
            "ledger posted",
            ["what has to be reconciled", "step removed: ERP posted", "step added: ledger posted"],
        ),
    ],
)
def test_what_changes_is_said(right: str, wrong: str, says: list[str]) -> None:
    found = changes(define(CASH).workflow, define_text(TEXT.replace(right, wrong), "new.yaml").workflow)
    assert len(found) == len(says)
    for line, expected in zip(found, says, strict=True):
        assert line.startswith(expected)


def test_the_tutorial_s_workflow_is_valid_and_holds_its_examples(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "workflows" / "README.md").read_text()
    workflow, stories = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    file = tmp_path / "transfer-to-beds.yaml"
    file.write_text(workflow)
    beside(file).parent.mkdir()
    beside(file).write_text(stories)
    assert run(define(file), beside(file)) == (5, [])
