"""The workflow document: what should have happened after a start, by when, and how to recognise it.

Read by slo.workflows.load, compiled by slo.workflows.compile and judged by slo.workflows.judge. It describes
only; it must never contain SQL or touch a store.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from slo.workflows.duration import Within
from tracing.documents import nearest
from tracing.keys import KINDS, SEARCH_ONLY

OUTCOMES = ("accepted", "partial", "rejected", "error", "timeout", "mismatched", "none")
#: The receiver said no. A connection that broke or stayed silent is no answer: such a step stays open.
NEGATIVE = ("rejected", "error")
#: A step that names no outcome is met by a message that was accepted or that needs no acknowledgement.
MET_BY_DEFAULT = ("accepted", "none")
START, CANCEL = "@start", "@cancel"
#: Steps of one workflow: a mask of open steps is one UInt64.
MOST_STEPS = 60
JOURNEYS = tuple(kind for kind in KINDS if kind not in SEARCH_ONLY)


def _texts(value: Any) -> Any:
    """One text or a list of texts; YAML reads 837 as a number, which is meant as text here."""
    values = value if isinstance(value, list) else [value]
    if not values:
        raise ValueError("must name at least one value")
    texts = []
    for one in values:
        if isinstance(one, bool) or not isinstance(one, str | int) or not str(one).strip():
            raise ValueError("must be a text or a list of texts")
        texts.append(str(one).strip())
    return tuple(texts)


def _within(value: Any) -> Any:
    if isinstance(value, Within):
        return value
    if not isinstance(value, str):
        raise ValueError("needs a unit: write 90s, 15m, 24h, 2 days or 3 business days")
    return Within.parse(value)


def _one_of(value: str, words: Iterable[str], what: str) -> str:
    known = list(words)
    if value not in known:
        raise ValueError(f"{value!r} is no {what}{nearest(value, known)}; known are {', '.join(known)}")
    return value


Texts = Annotated[tuple[str, ...], BeforeValidator(_texts)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Match(_Strict):
    """Which spans are meant: every field that is given must fit; a list fits by any of its entries.

    `system` is a system that sent or received the message; `source` and `destination` say which of both.
    """

    interface: Texts | None = None
    source: Texts | None = None
    destination: Texts | None = None
    system: Texts | None = None
    message: Texts | None = None
    operation: Texts | None = None
    outcome: Texts | None = None

    @field_validator("outcome")
    @classmethod
    def _known_outcome(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for word in value or ():
            _one_of(word, (*OUTCOMES, "any"), "outcome")
        return value

    @model_validator(mode="after")
    def _not_everything(self) -> Self:
        if not any(getattr(self, name) for name in type(self).model_fields if name != "outcome"):
            raise ValueError(
                "matches every message; name an interface, source, destination, system, message or operation"
            )
        return self

    def outcomes(self, default: tuple[str, ...]) -> tuple[str, ...]:
        """The outcomes that count; `any` is all of them."""
        if self.outcome is None:
            return default
        return OUTCOMES if "any" in self.outcome else self.outcome


class Step(_Strict):
    """Something that must happen within a time after the start.

    `when`: tag -> values for which the step applies; a start message without the tag does not exempt.
    `measure`: name -> where the tap finds it; the values seen are kept with the checkpoint.
    """

    name: str = Field(min_length=1, max_length=64)
    match: Match
    within: Annotated[Within, BeforeValidator(_within)]
    when: dict[str, Texts] = Field(default_factory=dict)
    measure: dict[str, str] = Field(default_factory=dict)

    @field_validator("name")
    @classmethod
    def _plain_name(cls, value: str) -> str:
        if value != value.strip() or value.startswith("@") or not value.isprintable():
            raise ValueError("must be plain text that does not start with @")
        return value

    @property
    def met_by(self) -> tuple[str, ...]:
        """Outcomes that meet the step."""
        return self.match.outcomes(MET_BY_DEFAULT)

    @property
    def failed_by(self) -> tuple[str, ...]:
        """Outcomes that fail it."""
        return tuple(outcome for outcome in NEGATIVE if outcome not in self.met_by)

    @property
    def system(self) -> str:
        """The system the step is about: where the message goes, "" when the definition does not say."""
        for names in (self.match.destination, self.match.system, self.match.source):
            if names:
                return names[0]
        return ""


class Objective(_Strict):
    """The share of instances that should meet every deadline."""

    target: float = Field(gt=0, lt=1)


class Metadata(_Strict):
    """Who the workflow belongs to."""

    name: Name
    title: str = ""
    owner: str = ""
    criticality: Literal["low", "medium", "high", "critical"] = "medium"
    description: str = ""


class Spec(_Strict):
    """The process itself."""

    journey: str = "visit"
    start: Match
    cancel: Match | None = None
    steps: tuple[Step, ...] = Field(min_length=1, max_length=MOST_STEPS)
    calendar: str | None = None
    objective: Objective | None = None
    allow_probable: bool | None = None
    """Whether messages count that were placed by their patient and time alone; where nothing is said, not in
    a workflow of high or critical criticality."""

    @field_validator("journey")
    @classmethod
    def _known_journey(cls, value: str) -> str:
        return _one_of(value, JOURNEYS, "kind of journey")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [step.name for step in self.steps]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two steps are called {name!r}; names tell them apart on every page")
        if self.calendar is None:
            for step in self.steps:
                if step.within.business_days:
                    raise ValueError(f"step {step.name!r} counts business days: name a calendar")
        return self


class Workflow(_Strict):
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
        return tuple(sorted({tag for step in self.spec.steps for tag in step.when}))
