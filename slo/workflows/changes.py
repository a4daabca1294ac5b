"""What changes from one version of a workflow to another, in sentences.

Called by `caretrail workflow diff`. Compares meaning, not text: comments, order of keys and spelling of a
duration are no change.
"""

from __future__ import annotations

from slo.workflows.model import Match, Step, Workflow
from slo.workflows.words import facility_in_words, sent, step_in_words


def changes(old: Workflow, new: Workflow) -> list[str]:
    """One line a change, empty when both mean the same."""
    lines = []
    for name in ("name", "title", "owner", "criticality", "description", "runbook"):
        before, after = getattr(old.metadata, name), getattr(new.metadata, name)
        if before != after:
            lines.append(f"{name}: {before or 'none'} -> {after or 'none'}")
    if old.spec.journey != new.spec.journey:
        lines.append(f"follows each {new.spec.journey} instead of each {old.spec.journey}")
    if old.spec.for_each != new.spec.for_each:
        before, after = (
            f"each {one}" if one else "the whole" for one in (old.spec.for_each, new.spec.for_each)
        )
        lines.append(f"an instance for {after} of a journey instead of {before}")
    if old.spec.start != new.spec.start:
        lines.append(f"starts with {sent(new.spec.start)} instead of {sent(old.spec.start)}")
    if old.spec.cancel != new.spec.cancel:
        lines.append(f"cancelled by {_or_nothing(new.spec.cancel)} instead of {_or_nothing(old.spec.cancel)}")
    if old.spec.end != new.spec.end:
        lines.append(f"over with {_or_nothing(new.spec.end)} instead of {_or_nothing(old.spec.end)}")
    if old.spec.calendar != new.spec.calendar:
        lines.append(f"calendar: {old.spec.calendar or 'none'} -> {new.spec.calendar or 'none'}")
    if old.hears_probable != new.hears_probable:
        lines.append(
            f"a message that names only a patient {'counts' if new.hears_probable else 'does not count'} now"
        )
    if old.spec.objective != new.spec.objective:
        shares = (
            "none" if one is None else f"{one.target:.4g}" for one in (old.spec.objective, new.spec.objective)
        )
        lines.append("objective: " + " -> ".join(shares))
    if old.spec.reconcile != new.spec.reconcile:
        lines.append("what has to be reconciled is another")
    return lines + _steps(old, new) + _facilities(old, new)


def _or_nothing(match: Match | None) -> str:
    return "nothing" if match is None else sent(match)


def _steps(old: Workflow, new: Workflow) -> list[str]:
    before = {step.name: step for step in old.spec.steps}
    after = {step.name: step for step in new.spec.steps}
    lines = [f"step removed: {step_in_words(step)}" for name, step in before.items() if name not in after]
    for name, step in after.items():
        if name not in before:
            lines.append(f"step added: {step_in_words(step)}")
        else:
            lines += _step(before[name], step)
    kept = [name for name in before if name in after]
    if kept != [name for name in after if name in before]:
        lines.append("the steps are in another order, which changes only how they are shown")
    return lines


def _step(old: Step, new: Step) -> list[str]:
    lines = []
    limits = [one.deadline.rule if one.deadline else "" for one in (old, new)]
    if limits[0] != limits[1]:
        said = [str(one.deadline) if one.deadline else "no deadline" for one in (new, old)]
        lines.append(f"step {new.name}: {_word(new)}{said[0]} instead of {said[1]}")
    if _meaning(old) != _meaning(new):
        lines.append(f"step {new.name} was: {step_in_words(old)}")
        lines.append(f"step {new.name} is: {step_in_words(new)}")
    if old.measure != new.measure:
        lines.append(f"step {new.name}: other measures")
    return lines


def _word(step: Step) -> str:
    return "within " if step.within else "by " if step.by else ""


def _meaning(step: Step) -> dict[str, object]:
    """What a step says besides its deadline and measures, however it is spelled."""
    other = ("within", "by", "measure", "match", "any_of")
    said = {name: getattr(step, name) for name in type(step).model_fields if name not in other}
    return said | {"matches": step.matches}


def _facilities(old: Workflow, new: Workflow) -> list[str]:
    lines = []
    for name in sorted({*old.spec.facilities, *new.spec.facilities}):
        before, after = (
            list(facility_in_words(one, name)) if name in one.spec.facilities else [] for one in (old, new)
        )
        lines += [f"no longer: {line}" for line in before if line not in after]
        lines += [f"new: {line}" for line in after if line not in before]
    return lines
