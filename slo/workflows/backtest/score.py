"""Scores history with a draft of a workflow beside the verdicts that stand, without activating the draft.

Called by `caretrail workflow backtest` and its REST address. The store judges, compares and counts; here only
the kinds of difference are told, of which there are few however many journeys there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from slo.workflows.activate import active
from slo.workflows.backtest.draft import PACKAGE, judged
from slo.workflows.changes import changes
from slo.workflows.load import Definition
from slo.workflows.sql_text import without_comments
from tracing.store import Store, load_sql

_EXAMPLES = 5
_WORST = ("failed", "overdue", "met_late")


@dataclass(slots=True)
class Rate:
    """How many were decided in time, and how many were not."""

    good: int = 0
    bad: int = 0

    @property
    def share(self) -> float | None:
        """Between 0 and 1; None when nothing was decided."""
        return self.good / (self.good + self.bad) if self.good + self.bad else None


@dataclass(frozen=True, slots=True)
class Change:
    """A verdict that would be another. `was` or `becomes` "": there is no such instance then.

    `step` decides, `how` says what becomes of it: "met late -> met".
    """

    journey: str
    item: str
    started_at: datetime
    was: str
    becomes: str
    step: str
    how: str


@dataclass(slots=True)
class Transition:
    """All changes from one verdict to another by the same step."""

    was: str
    becomes: str
    step: str
    how: str
    count: int = 0
    examples: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Backtest:
    """What a draft would have said of the instances that started from `since` to `at`."""

    workflow: str
    versions: tuple[int, ...]
    since: datetime
    at: datetime
    words: tuple[str, ...] = ()
    compared: int = 0
    then: Rate = field(default_factory=Rate)
    now: Rate = field(default_factory=Rate)
    verdicts_then: Counter[str] = field(default_factory=Counter)
    verdicts_now: Counter[str] = field(default_factory=Counter)
    transitions: list[Transition] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    @property
    def changed(self) -> int:
        """How many verdicts would be another."""
        return sum(transition.count for transition in self.transitions)


def backtest(store: Store, draft: Definition, now: datetime, *, days: int = 30, limit: int = 100) -> Backtest:
    """Score the instances that started in the last `days` with the draft. limit: changes to list by name.

    Raises StoreError.
    """
    since = now - timedelta(days=days)
    name = draft.workflow.name
    asked = {"workflow": name, "since": since, "now": now}
    live = next((one.workflow for one in active(store) if one.name == name), None)
    found = Backtest(
        workflow=name,
        versions=tuple(row[0] for row in store.query(load_sql(PACKAGE, "live_versions.sql"), asked).rows),
        since=since,
        at=now,
        words=tuple(changes(live, draft.workflow)) if live else ("there is no active version",),
    )
    with judged(store, draft, since, now, live=True) as verdicts:
        _count(found, store.query(_asking("compared.sql", verdicts)).rows)
        if found.transitions and limit:
            rows = store.query(_asking("changed.sql", verdicts), {"limit": limit}).rows
            found.changes = [_change(*row) for row in rows]
    return found


def decider(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, str]:
    """The step that makes the verdict another, and what becomes of it: the worst in what is worse.

    Both say the states of steps, by their names; {} where there is no such instance.
    """
    differing = [name for name in {**after, **before} if before.get(name) != after.get(name)]

    def rank(name: str) -> int:
        found = [_WORST.index(s) for s in (before.get(name), after.get(name)) if s in _WORST]
        return min(found, default=len(_WORST))

    if not differing:
        return "", ""
    step = min(differing, key=rank)
    words = [(states.get(step) or "no such step").replace("_", " ") for states in (before, after)]
    return step, " -> ".join(words)


def _asking(name: str, verdicts: str) -> str:
    pairs = without_comments(load_sql(PACKAGE, "pairs.sql")).replace("{{table}}", verdicts)
    return load_sql(PACKAGE, name).replace("{{pairs}}", pairs)


def _count(found: Backtest, rows: list[tuple[Any, ...]]) -> None:
    gathered: dict[tuple[str, str, str, str], Transition] = {}
    for was, becomes, rated_then, rated_now, *steps, times, examples in rows:
        found.compared += times
        found.verdicts_then[was or "nothing"] += times
        found.verdicts_now[becomes or "nothing"] += times
        _rate(found.then, rated_then, times)
        _rate(found.now, rated_now, times)
        if was == becomes:
            continue
        key = (was, becomes, *_decided(*steps))
        transition = gathered.setdefault(key, Transition(*key))
        transition.count += times
        transition.examples = sorted({*transition.examples, *examples})[:_EXAMPLES]
    found.transitions = sorted(
        gathered.values(), key=lambda one: (-one.count, one.was, one.becomes, one.step, one.how)
    )


def _rate(rate: Rate, rated: int, times: int) -> None:
    if rated > 0:
        rate.good += times
    elif rated < 0:
        rate.bad += times


def _change(journey: str, item: str, began: datetime, was: str, becomes: str, *steps: list[str]) -> Change:
    return Change(journey, item, began, was, becomes, *_decided(*steps))


def _decided(
    names_then: list[str], states_then: list[str], names_now: list[str], states_now: list[str]
) -> tuple[str, str]:
    then, becomes = zip(names_then, states_then, strict=True), zip(names_now, states_now, strict=True)
    return decider(dict(then), dict(becomes))
