"""The reference: what a workflow means, in plain Python over the spans of one journey.

Called by tests and by benchmarks.verdicts, which hold the SQL against it; the product judges in SQL. It must
stay obvious, and must never share a line with the SQL side except the document model and the state rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from slo.workflows.duration import BusinessCalendar
from slo.workflows.facts import NEVER, Facts, StepFacts
from slo.workflows.model import OUTCOMES, Match, Step, Workflow


@dataclass(frozen=True, slots=True)
class Seen:
    """What the reference needs of a span: `sent` when the message was complete, `acknowledged` its answer."""

    sent: datetime
    acknowledged: datetime
    interface: str = ""
    source: str = ""
    destination: str = ""
    message: str = ""
    operation: str = ""
    outcome: str = "accepted"
    ack_code: str = ""
    reason: str = ""
    facility: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


def fits(match: Match, seen: Seen, outcomes: tuple[str, ...]) -> bool:
    """Whether a span is one that `match` means, with one of these outcomes."""
    named = {
        "interface": seen.interface,
        "source": seen.source,
        "destination": seen.destination,
        "message": seen.message,
        "operation": seen.operation,
    }
    for name, value in named.items():
        wanted = getattr(match, name)
        if wanted is not None and value not in wanted:
            return False
    if match.system is not None and not {seen.source, seen.destination} & set(match.system):
        return False
    return seen.outcome in outcomes


def judge(
    workflow: Workflow, journey: str, spans: Iterable[Seen], calendar: BusinessCalendar | None = None
) -> list[Facts]:
    """The occurrences of the workflow in one journey, oldest first. Order and repetition do not matter."""
    spans = list(spans)
    spec = workflow.spec
    any_outcome = (*OUTCOMES, "")
    starts = [span for span in spans if fits(spec.start, span, spec.start.outcomes(any_outcome))]
    cancels = [
        span.sent
        for span in spans
        if spec.cancel is not None and fits(spec.cancel, span, spec.cancel.outcomes(any_outcome))
    ]
    # A start that follows a cancellation begins another occurrence; one that follows a start repeats it.
    marks = sorted({(span.sent, "start") for span in starts} | {(at, "then cancel") for at in cancels})
    begins, last = [], "then cancel"
    for at, kind in marks:
        if kind == "start" and last == "then cancel":
            begins.append(at)
        last = kind
    found = []
    for number, begin in enumerate(begins, 1):
        until = begins[number] if number < len(begins) else NEVER
        first = min(
            (span for span in starts if span.sent == begin),
            key=lambda span: (span.facility, *(span.tags.get(tag, "") for tag in workflow.tags)),
        )
        steps = tuple(_step(step, begin, until, first.tags, spans, calendar) for step in spec.steps)
        cancelled = min((at for at in cancels if begin <= at < until), default=NEVER)
        found.append(Facts(workflow.name, journey, number, begin, first.facility, steps, cancelled))
    return found


def _step(
    step: Step,
    begin: datetime,
    until: datetime,
    tags: Mapping[str, str],
    spans: list[Seen],
    calendar: BusinessCalendar | None,
) -> StepFacts:
    inside = [span for span in spans if begin <= span.acknowledged < until]
    met = _first(span for span in inside if fits(step.match, span, step.met_by))
    failed = _first(span for span in inside if fits(step.match, span, step.failed_by))
    return StepFacts(
        name=step.name,
        applicable=all(tags.get(tag, "") in ("", *values) for tag, values in step.when.items()),
        deadline=step.within.after(begin, calendar),
        met_at=met.acknowledged if met else NEVER,
        failed_at=failed.acknowledged if failed else NEVER,
        met_outcome=met.outcome if met else "",
        met_ack=met.ack_code if met else "",
        failed_outcome=failed.outcome if failed else "",
        failed_ack=failed.ack_code if failed else "",
        failed_reason=failed.reason if failed else "",
    )


def _first(spans: Iterable[Seen]) -> Seen | None:
    return min(
        spans, key=lambda span: (span.acknowledged, span.outcome, span.ack_code, span.reason), default=None
    )
