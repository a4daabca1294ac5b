"""A workflow in sentences: what starts it, what has to happen by when, and what counts as that.

Called by `caretrail workflow explain` and `diff`. Says what the definition says and no more.
"""

from __future__ import annotations

from collections.abc import Iterable

from slo.workflows.model import OUTCOMES, Match, Step, Workflow


def in_words(workflow: Workflow) -> list[str]:
    """One sentence a line."""
    spec = workflow.spec
    lines = [
        f"{workflow.title}: follows each {spec.journey}, owned by {workflow.metadata.owner or 'nobody'}, "
        f"criticality {workflow.metadata.criticality}.",
        f"It starts when {sent(spec.start)} is sent, whatever is answered.",
    ]
    if spec.cancel is not None:
        lines.append(
            f"It is cancelled when {sent(spec.cancel)} is sent; a start after that is another occurrence."
        )
    lines += [f"{number}. {step_in_words(step)}" for number, step in enumerate(spec.steps, 1)]
    if spec.calendar is not None:
        lines.append(f"Business days are those of the calendar {spec.calendar}.")
    heard = "counts" if workflow.hears_probable else "does not count"
    lines.append(
        f"A message that names only a patient {heard} for the {spec.journey} it probably belongs to."
    )
    if spec.objective is not None:
        lines.append(f"{spec.objective.target:.4g} of all should meet every deadline.")
    return lines


def step_in_words(step: Step) -> str:
    """What a step waits for."""
    text = (
        f"{step.name}: within {step.within} of the start, {sent(step.match)} is {listed(step.met_by, 'or')}"
    )
    if step.failed_by:
        text += f"; {listed(step.failed_by, 'or')} without a later success is a failure"
    for tag, values in step.when.items():
        text += f"; only where {tag} is {listed(values, 'or')}, or not known"
    if step.measure:
        text += f"; it measures {listed(step.measure, 'and')}"
    return f"{text}."


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
    return what


def listed(values: Iterable[str], word: str) -> str:
    """ "a", "a or b", "a, b or c"; all outcomes together are "answered or not"."""
    found = list(values)
    if set(found) == set(OUTCOMES):
        return "answered or not"
    if len(found) < 2:
        return "".join(found)
    return f"{', '.join(found[:-1])} {word} {found[-1]}"
