"""What a workflow file says about reconciliation: which measure must agree along which steps, how closely.

Part of slo.workflows.model.Spec (`reconcile`); read by slo.workflows.reconcile.report. It must never import
the rest of the workflow package, which imports it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from tracing.documents import nearest

#: The measure that every message has: itself, once however often it was sent.
COUNT = "count"
#: Groups that are no tag: the day of the start, the facility of the start, and the item of `for_each`.
DAY, FACILITY, ITEM = "day", "facility", "item"
GROUPS = (DAY, FACILITY, ITEM)
_SHARE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%\s*")


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far totals may lie apart: `absolute` in the unit of the measure, or a `share` of the first step."""

    absolute: float = 0.0
    share: float = 0.0

    def allows(self, first: float) -> float:
        """The largest difference that is no difference, for what the first step says."""
        return max(self.absolute, self.share * abs(first))

    def __str__(self) -> str:
        return f"{self.share * 100:g}%" if self.share else f"{self.absolute:g}"


def _tolerance(value: Any) -> Any:
    if isinstance(value, Tolerance):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf"):
        return Tolerance(absolute=float(value))
    found = _SHARE.fullmatch(value) if isinstance(value, str) else None
    if found is None or float(found[1]) > 100:
        raise ValueError("must be a number, 0 or more, in the unit of the measure, or a share such as 0.5%")
    return Tolerance(share=float(found[1]) / 100)


def _groups(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else (value,) if isinstance(value, str) else value


#: Measures that have no currency, though the messages that carry them may name one.
NO_MONEY = frozenset({COUNT, "quantity", "units", "hours", "minutes", "days", "patients"})
Word = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,62}$")]


class Reconcile(BaseModel):
    """One measure that must agree along steps.

    measure: `count` (of distinct messages) or a name the interface gives a number. steps: two or more, the
    first is what the others are held against. by: `day`, `facility`, `item`, or tags; several together are
    a finer grouping. currency: the tag that names it; amounts of two currencies are never added up.

    Where nothing is said it is `currency`, except for measures that are no money by their name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    measure: Word = COUNT
    steps: tuple[str, ...] = Field(min_length=2, max_length=12)
    by: Annotated[
        tuple[Word, ...], BeforeValidator(_groups, json_schema_input_type=str | tuple[str, ...])
    ] = Field(default=(DAY,), max_length=4)
    tolerance: Annotated[Tolerance, BeforeValidator(_tolerance, json_schema_input_type=float | str)] = Field(
        default=0, validate_default=True
    )
    currency: Word | None = None

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for what, values in (("step", self.steps), ("group", self.by)):
            for value in values:
                if values.count(value) > 1:
                    raise ValueError(f"names the {what} {value!r} twice")
        return self

    @property
    def money(self) -> str:
        """The tag that names the currency, "" for what is no money."""
        return self.currency or ("" if self.measure in NO_MONEY else "currency")

    @property
    def name(self) -> str:
        """The rule in a few words: `quantity: used = decremented`."""
        return f"{self.measure}: {' = '.join(self.steps)}"


def check_steps(rules: Iterable[Reconcile], steps: Collection[str]) -> None:
    """Raises ValueError when a rule names a step that the workflow does not have."""
    for rule in rules:
        for name in rule.steps:
            if name not in steps:
                raise ValueError(
                    f"reconcile names no step {name!r}{nearest(name, steps)}; steps are {', '.join(steps)}"
                )


def implied(measures: Mapping[str, Collection[str]]) -> tuple[Reconcile, ...]:
    """Rules of a workflow that states none, from its steps in order with the measures each keeps.

    Each measure that two or more steps keep must agree along them; where there is none, the count of
    messages must agree along all steps.
    """
    names = dict.fromkeys(name for kept in measures.values() for name in kept)
    found = []
    for name in names:
        steps = tuple(step for step, kept in measures.items() if name in kept)
        if len(steps) > 1:
            found.append(Reconcile(measure=name, steps=steps))
    if not found and len(measures) > 1:
        found.append(Reconcile(steps=tuple(measures)[:12]))
    return tuple(found)
