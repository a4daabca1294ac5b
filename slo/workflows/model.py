"""The workflow document: what should have happened after a start, by when, and how to recognise it.

Read by slo.workflows.load, compiled by slo.workflows.compile and judged by slo.workflows.judge. It describes
only; it must never contain SQL or touch a store.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from slo.workflows.duration import Within
from slo.workflows.match import OUTCOMES, Match, Strict, Texts, check_matches, one_of
from slo.workflows.reconcile.model import Reconcile, check_steps
from tracing.documents import nearest
from tracing.keys import KINDS, SEARCH_ONLY

__all__ = ["OUTCOMES", "Match", "Step", "Workflow"]
START, CANCEL, END = "@start", "@cancel", "@end"
MOST_STEPS = 48
JOURNEYS = tuple(kind for kind in KINDS if kind not in SEARCH_ONLY)
ITEMS = tuple(kind for kind in KINDS if kind not in ("visit", "mrn", "request"))
FACILITY = "facility"
"""In a `when`: not a tag but the facility of the start message."""
Criticality = Literal["low", "medium", "high", "critical"]
CRITICALITIES: tuple[Criticality, ...] = ("critical", "high", "medium", "low")
"""Worst first."""


def _within(value: Any) -> Any:
    if isinstance(value, Within):
        return value
    if not isinstance(value, str):
        raise ValueError("needs a unit: write 90s, 15m, 24h, 2 days, 4 business hours or 3 business days")
    return Within.parse(value)


def _clock(value: Any) -> Any:
    if isinstance(value, Within):
        return value
    if not isinstance(value, str):
        raise ValueError("must be in quotes: YAML reads 07:00 as a number; write '07:00 next business day'")
    return Within.parse_clock(value)


def _names(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else (value,)


def _words(known: Iterable[str]) -> WithJsonSchema:
    """What editors offer; the validator below says the nearest word where it is another."""
    return WithJsonSchema({"enum": [*known]})


_TEXT = WithJsonSchema({"type": "string"})
_NAME_OR_NAMES = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
Names = Annotated[tuple[str, ...], BeforeValidator(_names), WithJsonSchema(_NAME_OR_NAMES)]
Duration = Annotated[Within, BeforeValidator(_within), _TEXT]
Clock = Annotated[Within, BeforeValidator(_clock), _TEXT]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
Money = Annotated[float, Field(ge=0, le=1e9)]
RUNBOOKS = "/runbook/"
"""Where the dashboard shows runbooks written beside workflows."""
Link = Annotated[
    str,
    Field(
        pattern=r"^(https?://\S+|/runbook/[a-z][a-z0-9-]{0,62}(#[a-z0-9-]+)?)$",
        max_length=500,
        description="An address, or /runbook/NAME for runbooks/NAME.md beside the workflows.",
    ),
]


def anchor(name: str) -> str:
    """What a step or heading is called in an address: `ERP posted` is `erp-posted`."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


class Rules(Strict):
    """What a facility may say otherwise of a step: its deadline, and who is told how urgently."""

    within: Duration | None = None
    """Time after its base: 90s, 15m, 24h, 2 days, 4 business hours, 3 business days."""
    by: Clock | None = None
    """A time of day, in quotes: "23:30", "07:00 next day", "07:00 next business day", "12:00 in 3 days"."""
    severity: Criticality | None = None
    """How bad lateness is; the workflow's criticality where nothing is said."""
    cost_per_hour: Money | None = None
    """What an hour of delay costs, in the site's currency."""
    owner: str | None = None
    """Who looks after it; the workflow's owner where nothing is said."""
    runbook: Link | None = None
    """Where it says what to do."""

    @model_validator(mode="after")
    def _one_deadline(self) -> Self:
        if self.within is not None and self.by is not None:
            raise ValueError("has both `within` and `by`; a step has one deadline")
        return self

    @property
    def deadline(self) -> Within | None:
        """The deadline, however it was written."""
        return self.within or self.by


class Step(Rules):
    """Something that must happen within a time after the start, or after other steps.

    `any_of`: alternatives, of which one is enough. `after`: the steps with which its time begins. `when`: tag
    -> values for which the step applies; what is unknown exempts from nothing. `count`: met by so many
    distinct messages. `forbidden_before`: must not be seen before that step is met. `measure`: name -> where
    the tap finds it; the values seen are kept with the checkpoint.
    """

    name: str = Field(min_length=1, max_length=64)
    """What people call it; unique in the workflow."""
    match: Match | None = None
    """The messages that meet it."""
    any_of: tuple[Match, ...] = Field(default=(), max_length=12)
    """Alternatives instead of match; one is enough."""
    after: Names = ()
    """The steps with which its time begins, when all of them are met; by default the start."""
    optional: bool = False
    """Nobody waits for it, and its failure is not the instance's."""
    when: dict[str, Texts] = Field(default_factory=dict)
    """Tag to values for which the step applies; facility is the start's. Unknown exempts from nothing."""
    count: int = Field(default=1, ge=1, le=1000)
    """Met by so many different messages."""
    forbidden_before: str | None = None
    """Instead of a deadline: its messages must not be seen before this step is met."""
    measure: dict[str, str] = Field(default_factory=dict)
    """Values to keep with it, by the name the interface gives them, for reconciliation."""

    @field_validator("name")
    @classmethod
    def _plain_name(cls, value: str) -> str:
        if value != value.strip() or value.startswith("@") or "|" in value or not value.isprintable():
            raise ValueError("must be plain text that does not start with @ and has no |")
        return value

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.match is None) == (not self.any_of):
            raise ValueError("needs either `match` or `any_of`: the messages that meet it")
        if self.forbidden_before is not None:
            for word in ("within", "by", "after", "optional", "measure"):
                if getattr(self, word):
                    raise ValueError(f"must not happen before {self.forbidden_before!r}, so it has no {word}")
            if self.count > 1:
                raise ValueError("must not happen at all before then, so it has no count")
        elif self.deadline is None and not self.optional:
            raise ValueError("needs a deadline: `within`, or `by` with a time of day")
        return self

    @property
    def matches(self) -> tuple[Match, ...]:
        """Its alternatives; one for most."""
        return self.any_of or ((self.match,) if self.match else ())

    @property
    def system(self) -> str:
        """The system the step is about: where the message goes, "" when the definition does not say."""
        for match in self.matches:
            for names in (match.destination, match.system, match.source):
                if names:
                    return names[0]
        return ""


class Facility(Strict):
    """What one facility does otherwise."""

    calendar: str | None = None
    """The calendar it works by."""
    skip: Names = ()
    """Steps it does without."""
    steps: dict[str, Rules] = Field(default_factory=dict)
    """Steps that have another deadline, severity, cost, owner or runbook."""


class Objective(Strict):
    """The share of instances that should meet every deadline."""

    target: float = Field(gt=0, lt=1)


class Metadata(Strict):
    """Who the workflow belongs to."""

    name: Name
    """Lower case, digits and -; the name in every table and address."""
    title: str = ""
    """What people call it."""
    owner: str = ""
    """Who looks after it."""
    criticality: Criticality = "medium"
    """How much depends on it."""
    description: str = ""
    """What it is for, in a sentence."""
    runbook: Link | None = None
    """Where it says what to do."""


class Spec(Strict):
    """The process itself."""

    journey: Annotated[str, _words(JOURNEYS)] = "visit"
    """The key whose journeys are followed."""
    for_each: Annotated[str | None, _words(ITEMS)] = None
    """An instance for each of these in a journey, not one for the journey: order, item, lot, …"""
    start: Match
    """What begins it; a start repeated is the same occurrence."""
    cancel: Match | None = None
    """What calls it off; a start after that is another occurrence."""
    end: Match | None = None
    """What ends it: steps still missing then are due at that moment."""
    steps: tuple[Step, ...] = Field(min_length=1, max_length=MOST_STEPS)
    """What should happen, in the order people read it."""
    calendar: str | None = None
    """The calendar of business time and times of day: us-business, always, or a file of the site's own."""
    facilities: dict[str, Facility] = Field(default_factory=dict)
    """What facilities do otherwise, by the facility of the start."""
    objective: Objective | None = None
    """The share of instances that should meet every deadline."""
    reconcile: tuple[Reconcile, ...] = ()
    """Measures that have to agree along steps."""
    allow_probable: bool | None = None
    """Whether messages count that were placed by their patient and time alone; where nothing is said, not in
    a workflow of high or critical criticality."""

    @field_validator("journey")
    @classmethod
    def _known_journey(cls, value: str) -> str:
        return one_of(value, JOURNEYS, "kind of journey")

    @field_validator("for_each")
    @classmethod
    def _known_item(cls, value: str | None) -> str | None:
        return value if value is None else one_of(value, ITEMS, "kind of item")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [step.name for step in self.steps]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"two steps are called {twice[0]!r}; names tell them apart on every page")
        self._check_graph(names)
        check_steps(self.reconcile, names)
        self._check_facilities(names)
        self._check_calendars()
        check_matches(self.for_each, self.start, self.later)
        return self

    def _check_graph(self, names: list[str]) -> None:
        for step in self.steps:
            named = [*step.after, *([step.forbidden_before] if step.forbidden_before else [])]
            for other in named:
                if other not in names:
                    raise ValueError(f"step {step.name!r} names no step {other!r}{nearest(other, names)}")
                if self.step(other).forbidden_before is not None:
                    raise ValueError(f"step {step.name!r} waits for {other!r}, which must not happen")
        try:
            list(self.ordered())
        except CycleError as error:
            raise ValueError(f"steps wait for each other: {' -> '.join(error.args[1])}") from None

    def _check_facilities(self, names: list[str]) -> None:
        for facility, differs in self.facilities.items():
            for name in (*differs.skip, *differs.steps):
                if name not in names:
                    raise ValueError(f"facility {facility!r} names no step {name!r}{nearest(name, names)}")
            for name, rules in differs.steps.items():
                if self.step(name).forbidden_before is not None and rules.deadline is not None:
                    raise ValueError(
                        f"facility {facility!r}: step {name!r} must not happen, so it has no deadline"
                    )

    def _check_calendars(self) -> None:
        for facility in (None, *self.facilities):
            if self.calendar_at(facility) is None:
                for step in self.steps:
                    deadline = self.deadline_at(step, facility)
                    if deadline is not None and deadline.needs_calendar:
                        raise ValueError(f"step {step.name!r} counts by {deadline}: name a calendar")

    @property
    def later(self) -> list[Match]:
        """What is heard after the start."""
        marks = filter(None, (self.cancel, self.end))
        return [*marks, *(match for step in self.steps for match in step.matches)]

    @property
    def batches(self) -> bool:
        """Whether anything is heard that is about the batch of the start."""
        return any(match.batch for match in self.later)

    def step(self, name: str) -> Step:
        """The step of that name."""
        return next(step for step in self.steps if step.name == name)

    def ordered(self) -> Iterator[Step]:
        """The steps, each behind those it waits for. Raises CycleError when they wait for each other."""
        return (self.step(name) for names in self.generations() for name in names)

    def generations(self) -> Iterator[tuple[str, ...]]:
        """Names of steps that wait for none, then of those that wait for these, and so on."""
        sorter = TopologicalSorter(
            {
                step.name: [*step.after, *([step.forbidden_before] if step.forbidden_before else [])]
                for step in self.steps
            }
        )
        sorter.prepare()
        while ready := sorter.get_ready():
            yield ready
            sorter.done(*ready)

    def calendar_at(self, facility: str | None) -> str | None:
        """The calendar a facility works by; that of all others for None."""
        differs = self.facilities.get(facility or "")
        return (differs.calendar if differs else None) or self.calendar

    def deadline_at(self, step: Step, facility: str | None) -> Within | None:
        """The deadline of a step at a facility."""
        return self._rule(step, facility, "deadline") or step.deadline

    def skips(self, step: Step, facility: str | None) -> bool:
        """Whether a facility does without the step."""
        differs = self.facilities.get(facility or "")
        return differs is not None and step.name in differs.skip

    def _rule(self, step: Step, facility: str | None, word: str) -> Any:
        differs = self.facilities.get(facility or "")
        rules = differs.steps.get(step.name) if differs else None
        return getattr(rules, word) if rules else None

    def told(self, step: Step, facility: str | None, word: str) -> Any:
        """`severity`, `cost_per_hour`, `owner` or `runbook` of a step at a facility; None if not said."""
        found = self._rule(step, facility, word)
        return getattr(step, word) if found is None else found


class Workflow(Strict):
    """One workflow document, version `caretrail/v1`."""

    api_version: Literal["caretrail/v1"] = Field(alias="apiVersion")
    kind: Literal["Workflow"]
    metadata: Metadata
    spec: Spec

    @property
    def name(self) -> str:
        """The name every table and address uses."""
        return self.metadata.name

    @property
    def title(self) -> str:
        """The title for people; the name when there is none."""
        return self.metadata.title or self.metadata.name

    @property
    def hears_probable(self) -> bool:
        """Whether a message that names only a patient counts for the visit it probably belongs to."""
        if self.spec.allow_probable is not None:
            return self.spec.allow_probable
        return self.metadata.criticality not in ("high", "critical")

    @property
    def tags(self) -> tuple[str, ...]:
        """Tags that a `when` asks for, in a fixed order."""
        return tuple(sorted({tag for step in self.spec.steps for tag in step.when} - {FACILITY}))

    @property
    def marks(self) -> Mapping[str, Match]:
        """What begins and closes an occurrence, by the name of its checkpoints."""
        spec = self.spec
        named = {START: spec.start, CANCEL: spec.cancel, END: spec.end}
        return {name: match for name, match in named.items() if match is not None}

    def severity(self, step: Step, facility: str | None = None) -> Criticality:
        """How bad it is when the step is late; the workflow's criticality where nothing is said."""
        found: Criticality | None = self.spec.told(step, facility, "severity")
        return found or self.metadata.criticality

    def owner(self, step: Step, facility: str | None = None) -> str:
        """Who looks after the step."""
        return self.spec.told(step, facility, "owner") or self.metadata.owner

    def runbook(self, step: Step, facility: str | None = None) -> str:
        """Where it says what to do; "" when nothing is said. In a runbook of ours, the step's own section."""
        found = self.spec.told(step, facility, "runbook") or self.metadata.runbook or ""
        return f"{found}#{anchor(step.name)}" if found.startswith(RUNBOOKS) and "#" not in found else found

    def cost_per_hour(self, step: Step, facility: str | None = None) -> float:
        """What an hour of delay costs, in the site's currency; 0 when nothing is said."""
        return self.spec.told(step, facility, "cost_per_hour") or 0.0
