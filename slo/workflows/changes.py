"""What changes from one version of a workflow to another, in sentences.

Called by `caretrail workflow diff`. Compares meaning, not text: comments, order of keys and spelling of a
duration are no change.
"""

from __future__ import annotations

from slo.workflows.model import Step, Workflow
from slo.workflows.words import sent, step_in_words


def changes(old: Workflow, new: Workflow) -> list[str]:
    """One line a change, empty when both mean the same."""
    lines = []
    for name in ("name", "title", "owner", "criticality", "description"):
        before, after = getattr(old.metadata, name), getattr(new.metadata, name)
        if before != after:
            lines.append(f"{name}: {before or 'none'} -> {after or 'none'}")
    if old.spec.journey != new.spec.journey:
        lines.append(f"follows each {new.spec.journey} instead of each {old.spec.journey}")
    if old.spec.start != new.spec.start:
        lines.append(f"starts with {sent(new.spec.start)} instead of {sent(old.spec.start)}")
    if old.spec.cancel != new.spec.cancel:
        before, after = (
            "nothing" if one is None else sent(one) for one in (old.spec.cancel, new.spec.cancel)
        )
        lines.append(f"cancelled by {after} instead of {before}")
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
    return lines + _steps(old, new)


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
    if (old.within.seconds, old.within.business_days) != (new.within.seconds, new.within.business_days):
        lines.append(f"step {new.name}: within {new.within} instead of {old.within}")
    if old.match != new.match or old.when != new.when:
        lines.append(f"step {new.name} was: {step_in_words(old)}")
        lines.append(f"step {new.name} is: {step_in_words(new)}")
    if old.measure != new.measure:
        lines.append(f"step {new.name}: other measures")
    return lines
