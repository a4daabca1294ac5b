"""What late truth changed of instances that were closed: a message that came days later, a link learned late.

Read by the encounter page and the REST interface. The evaluator writes it (insert_changes.sql) before it
writes the facts themselves; judged are always the newest facts, and this says what was believed before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from slo.workflows.facts import NEVER
from slo.workflows.messages import members_of
from tracing.store import Store, load_sql

_WORDS = {
    "met_at": ("was seen", "was not seen"),
    "failed_at": ("was refused", "was not refused"),
    "started_at": ("it began", "it had not begun"),
    "cancelled_at": ("it was cancelled", "it was not cancelled"),
    "deadline": ("was due", "was not due"),
}


class Difference(NamedTuple):
    """One fact, of a step or ("") of the instance, before and after; None: never.

    `fact` is started_at, cancelled_at, met_at, failed_at, deadline, applies (a time when it does), vanished.
    """

    step: str
    fact: str
    before: datetime | None
    after: datetime | None

    @property
    def words(self) -> str:
        """`billing ready was seen 2026-03-02 14:05:00 UTC (before: was not seen)`, for people."""
        if self.fact == "vanished":
            return "there was no such instance after all"
        if self.fact == "applies":
            return f"{self.step} {'applies' if self.after else 'does not apply'} after all"
        happened, missing = _WORDS[self.fact]
        told = [
            f"{happened} {at:%Y-%m-%d %H:%M:%S} UTC" if at else missing for at in (self.before, self.after)
        ]
        return f"{f'{self.step} ' if self.step else ''}{told[1]} (before: {told[0]})"


@dataclass(frozen=True, slots=True)
class Change:
    """What was learned `at` a moment of one instance that had been closed and judged at `sealed_at`.

    `reopened`: it waits for something again.
    """

    workflow: str
    journey: str
    item: str
    version: int
    occurrence: int
    sealed_at: datetime
    at: datetime
    reopened: bool
    differences: tuple[Difference, ...]


def changes(store: Store, journey: str) -> list[Change]:
    """What late truth changed in a journey, oldest first; also of instances under its keys' own names."""
    own = {journey, *members_of(store, [journey])[journey]}
    sql = load_sql("slo.workflows.sql", "changes_of.sql")
    return [_change(row) for row in store.query(sql, {"journeys": sorted(own)}).rows]


def _change(row: tuple[Any, ...]) -> Change:
    *key, reopened, steps, facts, before, after = row
    found = zip(steps, facts, map(_known, before), map(_known, after), strict=True)
    workflow, its_journey, item, version, occurrence, sealed_at, at = key
    return Change(
        workflow,
        its_journey,
        item,
        version,
        occurrence,
        sealed_at,
        at,
        bool(reopened),
        tuple(Difference(*one) for one in found),
    )


def _known(at: datetime) -> datetime | None:
    return at if at < NEVER else None
