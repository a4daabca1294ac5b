"""A workflow in sentences: what starts it, what has to happen by when, and what counts as that.

Called by `caretrail workflow explain` and `diff`. Says what the definition says and no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from slo.workflows.duration import Within
from slo.workflows.model import OUTCOMES, Match, Rules, Step, Workflow


def in_words(workflow: Workflow) -> list[str]:
    """One sentence a line."""
    spec = workflow.spec
    followed = f"each {spec.for_each} of each {spec.journey}" if spec.for_each else f"each {spec.journey}"
    lines = [
        f"{workflow.title}: follows {followed}, owned by {workflow.metadata.owner or 'nobody'}, "
        f"criticality {workflow.metadata.criticality}.",
        f"It starts when {sent(spec.start)} is sent, whatever is answered.",
    ]
    if spec.cancel is not None:
        lines.append(
            f"It is cancelled when {sent(spec.cancel)} is sent; a start after that is another occurrence."
        )
    if spec.end is not None:
        lines.append(
            f"It is over when {sent(spec.end)} is sent: what is still missing then is due at that moment, "
            "and a start after that is another occurrence."
        )
    lines += [f"{number}. {step_in_words(step)}" for number, step in enumerate(spec.steps, 1)]
    if spec.calendar is not None:
        lines.append(
            f"Business days, business hours and times of day are those of the calendar {spec.calendar}."
        )
    for name in spec.facilities:
        lines += facility_in_words(workflow, name)
    heard = "counts" if workflow.hears_probable else "does not count"
    lines.append(
        f"A message that names only a patient {heard} for the {spec.journey} it probably belongs to."
    )
    for rule in spec.reconcile:
        lines.append(
            f"The {rule.measure} at {listed(rule.steps, 'and')} has to agree per {listed(rule.by, 'and')}, "
            f"{_near(str(rule.tolerance))}."
        )
    if spec.objective is not None:
        lines.append(f"{spec.objective.target * 100:.4g} % of all should meet every deadline.")
    return lines


def step_in_words(step: Step) -> str:
    """What a step waits for."""
    alternatives = [f"{sent(match)} is {listed(match.met_by, 'or')}" for match in step.matches]
    what = " or ".join(alternatives)
    if step.forbidden_before is not None:
        text = f"{step.name}: it must not be that {what} before {step.forbidden_before}"
    else:
        text = f"{step.name}: {when_in_words(step)}{what}"
    if step.count > 1:
        text += f", {step.count} different messages"
    failed = sorted({outcome for match in step.matches for outcome in match.failed_by})
    if failed and step.forbidden_before is None:
        text += f"; {listed(failed, 'or')} without a later success is a failure"
    for tag, values in step.when.items():
        text += f"; only where {tag} is {listed(values, 'or')}, or not known"
    if step.optional:
        text += "; nobody waits for it"
    if step.measure:
        text += f"; it measures {listed(step.measure, 'and')}"
    return f"{text}{_urgency(step)}."


def when_in_words(step: Step) -> str:
    """ "within 15m of the start, ", "by 07:00 next business day after X, "; nothing for no deadline."""
    base = listed(step.after, "and") or "the start"
    if step.deadline is None:
        return f"after {base}, " if step.after else ""
    if step.by is not None:
        return f"by {step.by} after {base}, "
    return f"within {step.deadline} of {base}, "


def facility_in_words(workflow: Workflow, name: str) -> Iterator[str]:
    """What one facility does otherwise."""
    facility = workflow.spec.facilities[name]
    if facility.calendar is not None:
        yield f"At {name} the calendar is {facility.calendar}."
    if facility.skip:
        yield f"At {name} there is no {listed(facility.skip, 'and no')}."
    for step, rules in facility.steps.items():
        said = f" {_limit(rules.deadline)}" if rules.deadline is not None else ""
        yield f"At {name}, {step}:{said}{_urgency(rules)}."


def sent(match: Match) -> str:
    """The messages a match means, without their outcome."""
    what = listed(match.message or (), "or") or listed(match.operation or (), "or") or "any message"
    if match.message and match.operation:
        what += f" by {listed(match.operation, 'or')}"
    for word, values in (
        ("on", match.interface),
        ("from", match.source),
        ("to", match.destination),
        ("from or to", match.system),
    ):
        if values:
            what += f" {word} {listed(values, 'or')}"
    for tag, values in match.tags.items():
        what += f" with {tag} {listed(values, 'or')}"
    return what + (" (for every item)" if match.shared else " (about its batch)" if match.batch else "")


def listed(values: Iterable[str], word: str) -> str:
    """ "a", "a or b", "a, b or c"; all outcomes together are "answered or not"."""
    found = list(values)
    if set(found) == set(OUTCOMES):
        return "answered or not"
    if len(found) < 2:
        return "".join(found)
    return f"{', '.join(found[:-1])} {word} {found[-1]}"


def _near(tolerance: str) -> str:
    return "exactly" if tolerance == "0" else f"within {tolerance}"


def _limit(deadline: Within | None) -> str:
    if deadline is None:
        return "no deadline"
    return f"by {deadline}" if deadline.unit == "clock" else f"within {deadline}"


def _urgency(rules: Rules) -> str:
    said = [
        f"severity {rules.severity}" if rules.severity else "",
        f"an hour of delay costs {rules.cost_per_hour:g}" if rules.cost_per_hour else "",
        f"owned by {rules.owner}" if rules.owner else "",
        f"see {rules.runbook}" if rules.runbook else "",
    ]
    return "".join(f"; {one}" for one in said if one)
