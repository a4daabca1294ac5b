"""Workflow files: what is read, and what a person is told about a wrong one."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from slo.workflows.duration import Within
from slo.workflows.load import WorkflowError, define_text, load

PACKS = Path(__file__).parents[2] / "workflows"
TEXT = (PACKS / "discharge-to-cash.yaml").read_text()


@pytest.mark.parametrize("path", sorted(PACKS.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_packs_are_valid_and_named_as_their_file(path: Path) -> None:
    workflow = load(path)
    assert workflow.name == path.stem
    assert workflow.metadata.owner
    assert workflow.spec.objective is not None


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ("calendar: us-business", "calendar: us-busines", "no calendar 'us-busines' (did you mean"),
        ("destination: billing", "destnation: billing", "unknown key (did you mean 'destination'?)"),
        ("DFT^P03, outcome: accepted", "DFT^P03, outcome: acepted", "(did you mean 'accepted'?)"),
        ("within: 15m", "within: 15", "spec.steps[1].within: needs a unit"),
        ("within: 15m", "within: 15 fortnights", "'fortnight' is no unit of time"),
        ("within: 15m", "within: 500ms", "'ms' is no unit of time"),
        ("within: 15m", "within: 0m", "between 1 ms and 366 days"),
        ("within: 3 business days", "within: 2.5 business days", "business days are whole"),
        ("journey: visit", "journey: vist", "'vist' is no kind of journey (did you mean 'visit'?)"),
        ("  calendar: us-business\n", "", "'claim submitted' counts by 3 business days: name a calendar"),
        ("name: ERP posted", "name: billing ready", "two steps are called 'billing ready'"),
        ("name: ERP posted", "name: '@start'", "plain text that does not start with @"),
        ("{interface: ehr-adt, message: ADT^A13}", "{outcome: any}", "spec.cancel: matches every message"),
        ("kind: Workflow", "kind: Workflw", "kind: input should be 'Workflow'"),
        ("name: discharge-to-cash", "name: Discharge to cash", "metadata.name: string should match"),
        ("  start: {interface: ehr-adt, message: ADT^A03}\n", "", "spec.start: missing"),
        ("within: 60m", "within: 60m\n      by: '07:00'", "has both `within` and `by`"),
        ("within: 60m", "by: 17:00", "must be in quotes"),
        ("within: 60m", "by: 7 o'clock", "is no time of day; write '23:30'"),
        ("within: 60m", "optional: false", "needs a deadline: `within`, or `by`"),
        ("within: 60m", "within: 2 business weeks", "is no business time"),
        ("within: 60m", "within: 60m\n      after: biling ready", "(did you mean 'billing ready'?)"),
        ("within: 60m", "within: 60m\n      after: ERP posted", "steps wait for each other: ERP posted"),
        ("within: 1m", "forbidden_before: claim sent", "(did you mean 'claim submitted'?)"),
        ("within: 60m", "within: 60m\n      forbidden_before: claim submitted", "so it has no within"),
        ("within: 60m", "within: 60m\n      any_of: [{message: X}]", "either `match` or `any_of`"),
        ("within: 60m", "within: 60m\n      severity: urgent", "severity: input should be 'low'"),
        ("within: 60m", "within: 60m\n      runbook: the wiki", "runbook: string should match"),
        ("within: 60m", "within: 60m\n      count: 0", "count: input should be greater"),
        ("journey: visit", "journey: visit\n  for_each: mrn", "'mrn' is no kind of item"),
        ("destination: billing", "destination: billing, shared: true", "only in a workflow with `for_each`"),
        ("  calendar: us-business\n", "  calendar: us-business\n  facilities: {N: {skip: biling ready}}\n",
         "facility 'N' names no step 'biling ready' (did you mean 'billing ready'?)"),
        ("  calendar: us-business\n", "  calendar: us-business\n  facilities: {N: {calendar: us-busines}}\n",
         "spec.facilities.N.calendar: no calendar 'us-busines' (did you mean"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_with_file_line_and_key(right: str, wrong: str, says: str) -> None:
    text = TEXT.replace(right, wrong, 1)
    assert text != TEXT
    with pytest.raises(WorkflowError) as refused:
        define_text(text, "discharge.yaml")
    (problem,) = refused.value.problems
    assert says in problem
    file, line, _ = problem.split(":", 2)
    assert file == "discharge.yaml"
    assert int(line) > 1


def test_a_file_that_is_no_workflow_is_refused(tmp_path: Path) -> None:
    for text, says in (("", "holds 0 documents"), ("- 1", "must be a mapping"), ("a: [", "not valid YAML")):
        with pytest.raises(WorkflowError, match=says):
            define_text(text, "x.yaml")
    with pytest.raises(WorkflowError, match="cannot be read"):
        load(tmp_path / "missing.yaml")


@pytest.mark.parametrize(
    ("text", "seconds", "days"),
    [
        ("1m", 60, 0),
        ("90 s", 90, 0),
        ("24h", 86400, 0),
        ("2 days", 172800, 0),
        ("1.5 hours", 5400, 0),
        ("1 week", 604800, 0),
        ("1 business day", 0, 1),
        ("3 Business Days", 0, 3),
    ],
)
def test_deadlines_read_as_people_write_them(text: str, seconds: float, days: int) -> None:
    within = Within.parse(text)
    assert (within.seconds, within.days) == (seconds, days)
    assert within.longest() >= timedelta(seconds=seconds, days=days)


def test_a_number_is_read_as_a_message_type_and_one_value_as_a_list() -> None:
    workflow = load(PACKS / "discharge-to-cash.yaml")
    claim = workflow.spec.steps[3]
    assert claim.match is not None
    assert claim.match.message == ("837",)
    assert claim.match.met_by == ("accepted", "none")
    assert claim.match.failed_by == ("rejected", "error")
    assert claim.system == "clearinghouse"
    assert workflow.tags == ("patient_class",)
