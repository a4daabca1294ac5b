"""Which messages a workflow means: the words of `start`, `cancel`, `end` and a step's `match`.

Part of the document model (slo.workflows.model). It describes only; it must never contain SQL.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from tracing.documents import nearest

#: Steps, alternatives, start, cancel and end of one workflow are a bit each of one UInt64.
MOST_MATCHES = 60
OUTCOMES = ("accepted", "partial", "rejected", "error", "timeout", "mismatched", "none")
#: The receiver said no. A connection that broke or stayed silent is no answer: such a step stays open.
NEGATIVE = ("rejected", "error")
#: A step that names no outcome is met by a message that was accepted or that needs no acknowledgement.
MET_BY_DEFAULT = ("accepted", "none")


def _texts(value: Any) -> Any:
    """One text or a list of texts; YAML reads 837 as a number, which is meant as text here."""
    values = value if isinstance(value, list | tuple) else [value]
    if not values:
        raise ValueError("must name at least one value")
    texts = []
    for one in values:
        if isinstance(one, bool) or not isinstance(one, str | int) or not str(one).strip():
            raise ValueError("must be a text or a list of texts")
        texts.append(str(one).strip())
    return tuple(texts)


def one_of(value: str, words: Iterable[str], what: str) -> str:
    """The word itself; ValueError with the nearest known one if it is not among them."""
    known = list(words)
    if value not in known:
        raise ValueError(f"{value!r} is no {what}{nearest(value, known)}; known are {', '.join(known)}")
    return value


_ONE = {"type": ["string", "integer"]}
Texts = Annotated[
    tuple[str, ...],
    BeforeValidator(_texts),
    WithJsonSchema({"anyOf": [_ONE, {"type": "array", "items": _ONE, "minItems": 1}]}),
]


class Strict(BaseModel):
    """A mapping in which an unknown word is an error; what stands below an attribute, editors show."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Match(Strict):
    """Which spans are meant: every field that is given must fit; a list fits by any of its entries.

    `system` is a system that sent or received the message; `source` and `destination` say which of both.
    `tags` are attributes an interface records. `shared`: in a workflow with `for_each`, the message counts
    for every item of the journey instead of for the items it names. `batch`: it is about the batch that
    the start came in, as a 999 is about a transaction set, and counts for whatever started in it.
    """

    interface: Texts | None = None
    """Names of interfaces in caretrail.yaml."""
    source: Texts | None = None
    """Systems that sent it."""
    destination: Texts | None = None
    """Systems that got it."""
    system: Texts | None = None
    """Systems that sent or got it."""
    message: Texts | None = None
    """ADT^A03, 837, the type of a FHIR resource."""
    operation: Texts | None = None
    """Method and route: POST /journals."""
    outcome: Texts | None = None
    """accepted, partial, rejected, error, timeout, mismatched, none, or any; for a step by default accepted,
    and none where nothing acknowledges."""
    tags: dict[str, Texts] = Field(default_factory=dict)
    """Attributes the interface records, each with the values that fit."""
    shared: bool = False
    """With for_each: counts for every item of the journey, not for the items it names."""
    batch: bool = False
    """Is about the batch the start came in (a 999 about a transaction set), and counts for all that started
    in it."""

    @field_validator("outcome")
    @classmethod
    def _known_outcome(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for word in value or ():
            one_of(word, (*OUTCOMES, "any"), "outcome")
        return value

    @model_validator(mode="after")
    def _not_everything(self) -> Self:
        words = ("interface", "source", "destination", "system", "message", "operation")
        if not any(getattr(self, name) for name in words):
            raise ValueError(
                "matches every message; name an interface, source, destination, system, message or operation"
            )
        if self.batch and self.shared:
            raise ValueError("`batch` counts for all that started in a batch; it needs no `shared`")
        return self

    def outcomes(self, default: tuple[str, ...]) -> tuple[str, ...]:
        """The outcomes that count; `any` is all of them."""
        if self.outcome is None:
            return default
        return OUTCOMES if "any" in self.outcome else self.outcome

    @property
    def met_by(self) -> tuple[str, ...]:
        """Outcomes that meet a step."""
        return self.outcomes(MET_BY_DEFAULT)

    @property
    def failed_by(self) -> tuple[str, ...]:
        """Outcomes that fail it."""
        return tuple(outcome for outcome in NEGATIVE if outcome not in self.met_by)


def check_matches(for_each: str | None, start: Match, later: Iterable[Match]) -> None:
    """ValueError when matches of one workflow are too many, or do not say which instances they are for."""
    matches = [start, *later]
    if len(matches) > MOST_MATCHES:
        raise ValueError(f"has more than {MOST_MATCHES} matches and alternatives; split it in two")
    if for_each is None and any(match.shared for match in matches):
        raise ValueError("`shared` means something only in a workflow with `for_each`")
    if for_each is not None and all(match.shared or match.batch for match in matches):
        raise ValueError(f"every match is shared, so no message names a {for_each}")
    if start.batch:
        raise ValueError("`batch` is about the batch of the start, so the start cannot have it")
