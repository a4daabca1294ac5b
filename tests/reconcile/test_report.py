"""EHR says 12 implants, inventory says 11: which one?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from slo.workflows.load import WorkflowError, define_text
from slo.workflows.reconcile import report
from slo.workflows.reconcile.model import Reconcile, Tolerance, implied
from slo.workflows.reconcile.reference import Occurrence, Sighting, StepThen
from slo.workflows.reconcile.rows import Report
from tests.reconcile.implants import NOW, WORKFLOW, store_occurrences, store_sightings
from tracing.store import Store

HOUR = timedelta(hours=1)
SINCE = report.since(NOW, 7, "America/New_York")
RULE = Reconcile(measure="quantity", steps=("used", "decremented"))


def implant(
    number: int, step: str, quantity: float = 1.0, hours_ago: float = 30.0, **more: object
) -> Sighting:
    name = f"case{number}"
    seen = Sighting(
        journey=name,
        step=step,
        identity=f"{name}-{step}",
        at=NOW - hours_ago * HOUR,
        span_id=f"{name}-{step}-1",
        measures={"quantity": quantity},
    )
    return replace(seen, **more)  # type: ignore[arg-type]


def occurrence(number: int, decremented: StepThen, hours_ago: float = 31.0) -> Occurrence:
    steps = {"used": StepThen(met=True), "decremented": decremented, "journal": StepThen()}
    return Occurrence(f"case{number}", 1, NOW - hours_ago * HOUR, facility="NSH", steps=steps)


def asked(
    store: Store, rule: Reconcile, seen: Sequence[Sighting], known: Sequence[Occurrence], **more: str
) -> Report:
    store_sightings(store, seen)
    store_occurrences(store, known)
    workflow = define_text(WORKFLOW.format(each=""), "implants.yaml").workflow
    return report.compare(store, workflow, 1, rule, NOW, SINCE, "America/New_York", 100)


def test_the_missing_one_is_named_and_the_one_that_has_time_is_not(store: Store) -> None:
    seen = [implant(number, "used") for number in range(12)]
    seen += [implant(number, "decremented", hours_ago=29) for number in range(12) if number not in (4, 9)]
    # Sent again, and seen by two taps: still one message.
    seen += [replace(seen[-1], span_id="again"), replace(seen[-1], span_id="once more", at=NOW)]
    known = [
        occurrence(number, StepThen(overdue=number == 4, met=number not in (4, 9))) for number in range(12)
    ]
    found = asked(store, RULE, seen, known)
    (group,) = found.groups
    assert (group.values, group.counts) == ((11.0, 10.0), (11, 10))
    assert (group.state, group.settled, group.waiting, group.differing) == ("differs", 11, 1, 1)
    (one,) = found.differences
    assert (one.journey, one.occurrence) == ("case4", 1)
    assert [(said.step, said.value, said.why) for said in one.said] == [
        ("used", 1.0, ""),
        ("decremented", 0.0, "missing"),
    ]
    assert one.said[0].messages[0].span_id == "case4-used-1"


def test_totals_that_agree_by_chance_do_not_agree(store: Store) -> None:
    seen = [implant(number, "used") for number in range(3)]
    seen += [implant(0, "decremented"), implant(0, "decremented", identity="another", span_id="x")]
    seen += [implant(1, "decremented")]
    known = [occurrence(number, StepThen(met=number < 2, overdue=number == 2)) for number in range(3)]
    found = asked(store, RULE, seen, known)
    assert found.groups[0].values == (3.0, 3.0)
    assert (found.state, found.differing) == ("offset", 2)
    assert {one.journey: one.said[1].why for one in found.differences} == {
        "case0": "doubled",
        "case2": "missing",
    }


def test_what_was_refused_what_never_started_and_what_is_another_value(store: Store) -> None:
    seen = [implant(0, "used"), implant(1, "decremented"), implant(2, "used", 2.0), implant(2, "decremented")]
    known = [occurrence(0, StepThen(refused=True)), occurrence(2, StepThen(met=True))]
    found = asked(store, RULE, seen, known)
    why = {one.journey: (one.occurrence, [said.why for said in one.said]) for one in found.differences}
    assert why == {
        "case0": (1, ["", "refused"]),
        "case1": (0, ["missing", ""]),
        "case2": (1, ["", "another value"]),
    }


def test_the_day_is_that_of_the_start_where_the_site_is(store: Store) -> None:
    # 02:30 and 12:30 UTC: before and after midnight in New York, but one case.
    seen = [implant(0, "used", hours_ago=39.5), implant(0, "decremented", hours_ago=29.5)]
    found = asked(store, RULE, seen, [occurrence(0, StepThen(met=True), hours_ago=39.6)])
    assert [(group.keys, group.state) for group in found.groups] == [(("2026-03-02",), "agrees")]


def test_amounts_of_two_currencies_are_never_added_up(store: Store) -> None:
    rule = Reconcile(measure="amount", steps=("used", "decremented"), tolerance="1%")
    dollars, euros = {"currency": "USD"}, {"currency": "EUR"}
    seen = [
        implant(0, "used", measures={"amount": 100.1}, tags=dollars),
        implant(0, "decremented", measures={"amount": 100.3}),
        implant(1, "used", measures={"amount": 50.0}, tags=euros),
        implant(1, "decremented", measures={}, tags=euros),
    ]
    found = asked(store, rule, seen, [occurrence(n, StepThen(met=True)) for n in range(2)])
    assert [(group.currency, group.values, group.state, group.unmeasured) for group in found.groups] == [
        ("EUR", (50.0, 0.0), "differs", (0, 1)),
        ("USD", (100.1, 100.3), "tolerated", (0, 0)),
    ]


def test_a_quantity_has_no_currency_unless_the_rule_says_so(store: Store) -> None:
    dollars = {"currency": "USD"}
    seen = [implant(0, step, measures={"quantity": 2.0}, tags=dollars) for step in ("used", "decremented")]
    once = [occurrence(0, StepThen(met=True))]
    rule = Reconcile(measure="quantity", steps=("used", "decremented"))
    assert [group.currency for group in asked(store, rule, seen, once).groups] == [""]
    told = rule.model_copy(update={"currency": "currency"})
    assert (rule.money, told.money) == ("", "currency")


def test_a_rule_names_steps_that_there_are() -> None:
    rule = "\n  reconcile: [{steps: [used, decrementd]}]"
    with pytest.raises(WorkflowError, match=r"no step 'decrementd' .did you mean 'decremented'"):
        define_text(WORKFLOW.format(each="").replace("\n  steps:", rule + "\n  steps:"), "implants.yaml")


@pytest.mark.parametrize("wrong", ["-1", "lots", "200%", "true"])
def test_a_tolerance_is_a_number_or_a_share(wrong: str) -> None:
    rule = f"\n  reconcile: [{{steps: [used, decremented], tolerance: {wrong}}}]"
    with pytest.raises(WorkflowError, match=r"tolerance: .*must be a number"):
        define_text(WORKFLOW.format(each="").replace("\n  steps:", rule + "\n  steps:"), "implants.yaml")


def test_without_rules_the_measures_that_steps_keep_are_compared() -> None:
    assert implied({"a": ["amount"], "b": [], "c": ["amount"]}) == (
        Reconcile(measure="amount", steps=("a", "c")),
    )
    assert implied({"a": [], "b": []}) == (Reconcile(measure="count", steps=("a", "b")),)
    assert implied({"a": []}) == ()
    assert Tolerance(share=0.01).allows(-200) == 2
