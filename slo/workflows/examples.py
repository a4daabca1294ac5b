"""Examples of a workflow: what happened in one journey, and what the verdict has to be at which moment.

A YAML file beside the workflow, `examples/<name>.yaml`, run by `caretrail workflow test` and by the tests of
the shipped packs. Judged by the plain-Python reference, so that nobody needs a store to try a definition.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from slo.workflows.duration import Within
from slo.workflows.judge import Seen, judge
from slo.workflows.load import Definition, WorkflowError
from slo.workflows.model import OUTCOMES
from slo.workflows.rows import INSTANCE_STATES, STEP_STATES, InstanceState, StepState
from tracing.documents import Document, DocumentError, check, nearest, read_file

_NOTHING = "nothing"
"""The state of a workflow that has not started."""


def _after(value: Any) -> Any:
    """A time after the example's beginning; 0 is the beginning itself."""
    if value in (0, "0", "0s", "0m"):
        return timedelta(0)
    if not isinstance(value, str):
        raise ValueError("needs a unit: write 90s, 15m, 24h or 2 days")
    within = Within.parse(value)
    if within.needs_calendar:
        raise ValueError("is a time that passes, not business days; write 90s, 15m, 24h or 2 days")
    return timedelta(seconds=within.seconds)


def _moment(value: Any) -> Any:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    if isinstance(moment, datetime):
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    raise ValueError("must be a date and time, as 2026-03-02 10:00")


After = Annotated[timedelta, BeforeValidator(_after)]
Moment = Annotated[datetime, BeforeValidator(_moment)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Happened(_Strict):
    """One message: when it was sent, and what a tap would say of it. `took`: until it was acknowledged."""

    after: After
    took: After = timedelta(0)
    interface: str = ""
    source: str = ""
    destination: str = ""
    message: str | int = ""
    operation: str = ""
    outcome: str = "accepted"
    facility: str = ""
    tags: dict[str, str] = Field(default_factory=dict)
    items: tuple[str, ...] = ()
    """In a workflow with `for_each`: the items the message is about; `P1 = F1` for one with two numbers."""
    again: str = ""
    """Messages with the same word are one message sent again."""

    @field_validator("outcome")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in OUTCOMES:
            raise ValueError(f"{value!r} is no outcome{nearest(value, OUTCOMES)}")
        return value

    def seen(self, begin: datetime) -> Seen:
        """The message as the reference takes it."""
        sent = begin + self.after
        return Seen(
            sent=sent,
            acknowledged=sent + self.took,
            interface=self.interface,
            source=self.source,
            destination=self.destination,
            message=str(self.message),
            operation=self.operation,
            outcome=self.outcome,
            facility=self.facility,
            tags=self.tags,
            items=tuple(tuple(name.strip() for name in item.split("=")) for item in self.items),
            identity=self.again or f"{sent.isoformat()} {self.interface} {self.message} {self.operation}",
        )


class Expected(_Strict):
    """The verdict at a moment: of the last occurrence that has begun, and of any of its steps."""

    after: After
    state: str
    steps: dict[str, str] = Field(default_factory=dict)
    occurrence: int = Field(default=0, ge=0)
    """Which occurrence is meant, from 1; 0 is the last."""
    item: str = ""
    """In a workflow with `for_each`: which item is meant, by any of its names."""

    @field_validator("state")
    @classmethod
    def _known_state(cls, value: str) -> str:
        return _one_of(value, (*INSTANCE_STATES, _NOTHING))

    @field_validator("steps")
    @classmethod
    def _known_steps(cls, value: dict[str, str]) -> dict[str, str]:
        for state in value.values():
            _one_of(state, STEP_STATES)
        return value


class Example(_Strict):
    """One story."""

    name: str = Field(min_length=1)
    begin: Moment = datetime(2026, 3, 2, 15, tzinfo=UTC)
    """A Monday morning in the United States, unless the story needs another day."""
    happened: tuple[Happened, ...] = Field(min_length=1)
    expect: tuple[Expected, ...] = Field(min_length=1)


class Examples(_Strict):
    """The whole file."""

    examples: tuple[Example, ...] = Field(min_length=1)


def _one_of(value: str, known: Sequence[str]) -> str:
    if value not in known:
        raise ValueError(f"{value!r} is no state{nearest(value, known)}; known are {', '.join(known)}")
    return value


def beside(workflow: Path) -> Path:
    """Where the examples of a workflow file are."""
    return workflow.parent / "examples" / workflow.name


def run(definition: Definition, path: Path) -> tuple[int, list[str]]:
    """How many verdicts were compared, and a line for each that is another than expected.

    Raises WorkflowError when the file is wrong, with file, line and the nearest valid word.
    """
    try:
        documents = read_file(path)
        if len(documents) != 1:
            raise WorkflowError([f"{path}:1: document: holds {len(documents)} documents, one a file"])
        examples = check(Examples, documents[0])
    except DocumentError as error:
        raise WorkflowError(error.problems) from None
    _check_steps(definition, examples, documents[0])
    compared, wrong = 0, []
    for number, example in enumerate(examples.examples):
        spans = [one.seen(example.begin) for one in example.happened]
        occurrences = judge(definition.workflow, "example", spans, definition.calendars)
        for which, expected in enumerate(example.expect):
            now = example.begin + expected.after
            names = {expected.item} | {
                min(item) for one in spans for item in one.items if expected.item in item
            }
            begun = [one for one in occurrences if one.started_at <= now and one.item in names]
            chosen = begun[expected.occurrence - 1 : expected.occurrence or None]
            state: InstanceState | str = chosen[-1].state(now) if chosen else _NOTHING
            states: Mapping[str, StepState] = (
                {
                    step.name: its
                    for step, its in zip(chosen[-1].steps, chosen[-1].step_states(now), strict=True)
                }
                if chosen
                else {}
            )
            place = documents[0].place(("examples", number, "expect", which)).rpartition(": ")[0]
            compared += 1 + len(expected.steps)
            if state != expected.state:
                wrong.append(f"{place}: {example.name}: expected {expected.state}, it is {state}")
            wrong += [
                f"{place}: {example.name}: {name!r}: expected {wanted}, it is {states.get(name, _NOTHING)}"
                for name, wanted in expected.steps.items()
                if states.get(name, _NOTHING) != wanted
            ]
    return compared, wrong


def _check_steps(definition: Definition, examples: Examples, document: Document) -> None:
    names = [step.name for step in definition.workflow.spec.steps]
    problems = [
        f"{document.place(('examples', number, 'expect', which, 'steps', name))}: no step {name!r}"
        f"{nearest(name, names)}; known are {', '.join(names)}"
        for number, example in enumerate(examples.examples)
        for which, expected in enumerate(example.expect)
        for name in expected.steps
        if name not in names
    ]
    if problems:
        raise WorkflowError(problems)
