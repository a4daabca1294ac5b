"""The reference: what a workflow means, in plain Python over the spans of one journey.

Called by examples, tests and benchmarks.verdicts, which hold the SQL against it; the product judges in SQL.
It must stay obvious, and never share a line with the SQL side except the document model and the state rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from slo.workflows.duration import BusinessCalendar
from slo.workflows.facts import NEVER, Facts, StepFacts
from slo.workflows.model import CANCEL, END, FACILITY, OUTCOMES, START, Match, Step, Workflow

_ANY = (*OUTCOMES, "")


@dataclass(frozen=True, slots=True)
class Seen:
    """What the reference needs of a span: `sent` when the message was complete, `acknowledged` its answer.

    `items`: the items it names, each by all its numbers. `identity`: equal for a message sent again.
    `nobodys`: it names no key of any kind and continues no trace, so it starts nothing.
    """

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
    items: tuple[tuple[str, ...], ...] = ()
    identity: str = ""
    nobodys: bool = False


def fits(match: Match, seen: Seen, outcomes: Sequence[str]) -> bool:
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
    if any(seen.tags.get(tag, "") not in values for tag, values in match.tags.items()):
        return False
    return seen.outcome in outcomes


def judge(
    workflow: Workflow,
    journey: str,
    spans: Iterable[Seen],
    calendars: Mapping[str, BusinessCalendar] | None = None,
) -> list[Facts]:
    """The occurrences of the workflow in one journey, by item, oldest first.

    Order and repetition of `spans` do not matter. `calendars`: those the workflow names, by name.
    """
    spans = list(spans)
    if workflow.spec.for_each is None:
        return _Story(workflow, calendars or {}, spans).facts(journey, "")
    found = []
    named = _items(workflow, spans)
    for item in sorted(set(named.values())):
        mine = [span for span in spans if any(named.get(one) == item for one in _numbers(span))]
        shared = [span for span in spans if span not in mine]
        found += _Story(workflow, calendars or {}, mine, shared).facts(journey, item)
    return found


def _numbers(span: Seen) -> list[str]:
    return [number for item in span.items for number in item]


def _items(workflow: Workflow, spans: Iterable[Seen]) -> dict[str, str]:
    """Every number of an item in a message the workflow heard -> the item, which is its least number."""
    groups: list[set[str]] = []
    heard = [(match, match.outcomes(_ANY)) for match in workflow.marks.values()]
    heard += [
        (match, (*match.met_by, *match.failed_by)) for step in workflow.spec.steps for match in step.matches
    ]
    for span in spans:
        if not any(not match.shared and fits(match, span, outcomes) for match, outcomes in heard):
            continue
        for item in span.items:
            touching = [group for group in groups if group & set(item)]
            groups = [group for group in groups if group not in touching] + [set(item).union(*touching)]
    return {number: min(group) for group in groups for number in group}


@dataclass(frozen=True, slots=True)
class _Story:
    """What happened to one journey, or one item of it: messages of its own, and those that may be shared."""

    workflow: Workflow
    calendars: Mapping[str, BusinessCalendar]
    own: list[Seen]
    others: list[Seen] = field(default_factory=list)

    def facts(self, journey: str, item: str) -> list[Facts]:
        starts = self._marks(START)
        closers = [(name, span.sent) for name in (CANCEL, END) for span in self._marks(name)]
        # A start that follows a cancellation or an end begins another occurrence; one that follows a start
        # repeats it.
        marks = sorted({(span.sent, "start") for span in starts} | {(at, "then over") for _, at in closers})
        begins, last = [], "then over"
        for at, kind in marks:
            if kind == "start" and last == "then over":
                begins.append(at)
            last = kind
        found = []
        for number, begin in enumerate(begins, 1):
            until = begins[number] if number < len(begins) else NEVER
            first = min(
                (span for span in starts if span.sent == begin),
                key=lambda span: (span.facility, *(span.tags.get(tag, "") for tag in self.workflow.tags)),
            )
            tags = {tag: self._known(tag, first, begin, until) for tag in self.workflow.tags}
            tags[FACILITY] = first.facility

            def earliest(name: str, begin: datetime = begin, until: datetime = until) -> datetime:
                return min((at for its, at in closers if its == name and begin <= at < until), default=NEVER)

            steps = self._steps(begin, until, first.facility, tags, earliest(END))
            found.append(
                Facts(
                    self.workflow.name,
                    journey,
                    number,
                    begin,
                    first.facility,
                    steps,
                    earliest(CANCEL),
                    item=item,
                    ended_at=earliest(END),
                )
            )
        return found

    def _heard(self, match: Match, outcomes: Sequence[str]) -> list[Seen]:
        spans = self.own + self.others if match.shared else self.own
        return [span for span in spans if fits(match, span, outcomes)]

    def _marks(self, name: str) -> list[Seen]:
        match = self.workflow.marks.get(name)
        heard = self._heard(match, match.outcomes(_ANY)) if match else []
        return [span for span in heard if name != START or not span.nobodys]

    def _known(self, tag: str, first: Seen, begin: datetime, until: datetime) -> str:
        """What the start says of a tag; else the first message of the occurrence that says something."""
        if first.tags.get(tag):
            return first.tags[tag]
        said = [
            (span.sent, span.tags.get(tag, "")) for name in self.workflow.marks for span in self._marks(name)
        ]
        for step in self.workflow.spec.steps:
            for match in step.matches:
                said += [
                    (span.acknowledged, span.tags.get(tag, ""))
                    for span in self._heard(match, (*match.met_by, *match.failed_by))
                ]
        return min(((at, value) for at, value in said if value and begin <= at < until), default=(begin, ""))[
            1
        ]

    def _steps(
        self, begin: datetime, until: datetime, facility: str, tags: Mapping[str, str], ended: datetime
    ) -> tuple[StepFacts, ...]:
        spec = self.workflow.spec
        found: dict[str, StepFacts] = {}
        dormant: set[str] = set()
        for step in spec.ordered():
            waits = [found[name] for name in step.after]
            # What follows something optional is asked for only once that has happened.
            if any(spec.step(one.name).optional and one.met_at == NEVER for one in waits) or dormant & set(
                step.after
            ):
                dormant.add(step.name)
            applicable = (
                step.name not in dormant
                and not spec.skips(step, facility)
                and all(tags.get(tag, "") in ("", *values) for tag, values in step.when.items())
            )
            base = max((one.met_at if one.applicable else one.base for one in waits), default=begin)
            met, failed = self._met(step, begin, until), self._failed(step, begin, until)
            if step.forbidden_before is not None:
                target = found[step.forbidden_before]
                applicable = applicable and target.applicable
                failed = met if met is not None and met.acknowledged < target.met_at else None
                met_at, deadline = NEVER if failed else target.met_at, NEVER
                required = applicable and (target.required or failed is not None)
                met = None
            else:
                met_at = met.acknowledged if met else NEVER
                required = applicable and not step.optional
                deadline = min(self._deadline(step, facility, base), ended)
            found[step.name] = StepFacts(
                name=step.name,
                applicable=applicable,
                required=required,
                base=base,
                deadline=deadline,
                met_at=met_at,
                failed_at=failed.acknowledged if failed else NEVER,
                met_outcome=met.outcome if met else "",
                met_ack=met.ack_code if met else "",
                failed_outcome=failed.outcome if failed else "",
                failed_ack=failed.ack_code if failed else "",
                failed_reason=failed.reason if failed else "",
            )
        return tuple(found[step.name] for step in spec.steps)

    def _deadline(self, step: Step, facility: str, base: datetime) -> datetime:
        deadline = self.workflow.spec.deadline_at(step, facility)
        if deadline is None or base == NEVER:
            return NEVER
        calendar = self.workflow.spec.calendar_at(facility)
        return deadline.after(base, self.calendars[calendar] if calendar else None)

    def _met(self, step: Step, begin: datetime, until: datetime) -> Seen | None:
        spans = [span for match in step.matches for span in self._heard(match, match.met_by)]
        distinct: dict[str, Seen] = {}
        for span in sorted((span for span in spans if begin <= span.acknowledged < until), key=_sooner):
            distinct.setdefault(span.identity if step.count > 1 else str(len(distinct)), span)
        return list(distinct.values())[step.count - 1] if len(distinct) >= step.count else None

    def _failed(self, step: Step, begin: datetime, until: datetime) -> Seen | None:
        spans = [span for match in step.matches for span in self._heard(match, match.failed_by)]
        return min((span for span in spans if begin <= span.acknowledged < until), key=_sooner, default=None)


def _sooner(span: Seen) -> tuple[datetime, str, str, str, str]:
    return span.acknowledged, span.outcome, span.ack_code, span.reason, span.identity
