"""Scores history with a draft of a workflow beside the verdicts that stand, without activating the draft.

Called by `caretrail workflow backtest` and its REST address. What the draft sees lies in tables of its own;
no live table of checkpoints or instances is written. The store reads a day at a time, this process a page of
journeys. (Deadlines by calendar are computed once and kept, as those of any version are.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from slo.workflows import checkpoints
from slo.workflows.activate import active, extend_deadlines
from slo.workflows.backtest.scratch import scratch
from slo.workflows.changes import changes
from slo.workflows.compile import Compiled
from slo.workflows.facts import Facts, StepFacts
from slo.workflows.load import Definition
from slo.workflows.rows import StepState
from tracing.store import Store, load_sql

_PACKAGE = "slo.workflows.backtest.sql"
_COLUMNS = (
    "workflow, version, step, token, token_kind, patient, at, outcome, ack_code, reason, interface, span_id, "
    "trace_id, facility, tags, measures, items, identity"
)
#: What started before the time that is looked at may still speak in it.
BEFORE = timedelta(days=7)
_PAGE = 20_000
_EXAMPLES = 5
#: No version has this number: versions count from 1.
DRAFT = 0
_WORST: tuple[StepState, ...] = ("failed", "overdue", "met_late")
Key = tuple[str, str, int]


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
    compiled = Compiled(draft.workflow, DRAFT, draft.calendars, since)
    name = compiled.name
    asked = {"workflow": name, "since": since, "now": now}
    live = next((one.workflow for one in active(store) if one.name == name), None)
    found = Backtest(
        workflow=name,
        versions=tuple(row[0] for row in store.query(load_sql(_PACKAGE, "live_versions.sql"), asked).rows),
        since=since,
        at=now,
        words=tuple(changes(live, draft.workflow)) if live else ("there is no active version",),
    )
    extend_deadlines(store, compiled, now)
    gathered: dict[tuple[str, str, str, str], Transition] = {}
    own = "AS checkpoints ENGINE = ReplacingMergeTree(ingested_at) ORDER BY (token, step, span_id)"
    with (
        scratch(store, f"{own} SETTINGS index_granularity = 256", now) as table,
        scratch(store, "(journey String) ENGINE = MergeTree ORDER BY journey", now) as journeys,
    ):
        _fill(store, compiled, table, since, now)
        insert = load_sql(_PACKAGE, "insert_journeys.sql").replace("{{checkpoints}}", table)
        heard = {"hears_probable": int(draft.workflow.hears_probable)}
        store.command(insert.replace("{{table}}", journeys), {**asked, **heard})
        for page in _pages(store, journeys):
            then, becomes = _both(store, compiled, table, page, asked)
            _compare(found, gathered, then, becomes, limit)
    found.transitions = sorted(
        gathered.values(), key=lambda one: (-one.count, one.was, one.becomes, one.step, one.how)
    )
    return found


def _fill(store: Store, compiled: Compiled, table: str, since: datetime, now: datetime) -> None:
    day = (since - BEFORE).date()
    while day <= now.date():
        spans = f"(SELECT * FROM spans WHERE toDate(start) = '{day.isoformat()}')"
        store.command(f"INSERT INTO {table} ({_COLUMNS}) {checkpoints.select([compiled], spans)}")
        day += timedelta(days=1)


def _pages(store: Store, table: str) -> Iterator[list[str]]:
    after, sql = "", load_sql(_PACKAGE, "journeys_page.sql").replace("{{table}}", table)
    while True:
        page = [row[0] for row in store.query(sql, {"after": after, "page": _PAGE}).rows]
        if not page:
            return
        yield page
        after = page[-1]


def _both(
    store: Store, compiled: Compiled, table: str, page: Sequence[str], asked: dict[str, Any]
) -> tuple[dict[Key, Facts], dict[Key, Facts]]:
    """What stands and what the draft says, by journey, item and which start in this time it is."""
    mine = {**asked, "journeys": list(page)}
    draft = load_sql(_PACKAGE, "draft_facts.sql").replace("{{facts}}", compiled.facts(checkpoints=table))
    earlier = {row[0] for row in store.query(load_sql(_PACKAGE, "earlier.sql"), mine).rows}
    then = _numbered(_facts(compiled.name, row) for row in store.query(_live(), mine).rows)
    becomes = _numbered(_facts(compiled.name, row) for row in store.query(draft, mine).rows)
    # A repeated start is no start when the first was seen too long ago to be seen by the draft.
    return then, {key: facts for key, facts in becomes.items() if key in then or key[0] not in earlier}


def _live() -> str:
    return load_sql(_PACKAGE, "live_facts.sql")


def _numbered(found: Iterable[Facts]) -> dict[Key, Facts]:
    counts: Counter[tuple[str, str]] = Counter()
    numbered = {}
    for facts in sorted(found, key=lambda facts: (facts.journey, facts.item, facts.started_at)):
        counts[facts.journey, facts.item] += 1
        numbered[facts.journey, facts.item, counts[facts.journey, facts.item]] = facts
    return numbered


def _compare(
    found: Backtest,
    gathered: dict[tuple[str, str, str, str], Transition],
    then: dict[Key, Facts],
    becomes: dict[Key, Facts],
    limit: int,
) -> None:
    for key in sorted({*then, *becomes}):
        old, new = then.get(key), becomes.get(key)
        was, is_now = _verdict(old, found.at), _verdict(new, found.at)
        found.compared += 1
        found.verdicts_then[was or "nothing"] += 1
        found.verdicts_now[is_now or "nothing"] += 1
        _rate(found.then, old, found.at)
        _rate(found.now, new, found.at)
        if was == is_now:
            continue
        step, how = decider(old, new, found.at)
        transition = gathered.setdefault((was, is_now, step, how), Transition(was, is_now, step, how))
        transition.count += 1
        if len(transition.examples) < _EXAMPLES:
            transition.examples.append(key[0])
        if len(found.changes) < limit:
            began = new or old
            assert began is not None
            found.changes.append(Change(key[0], key[1], began.started_at, was, is_now, step, how))


def _verdict(facts: Facts | None, now: datetime) -> str:
    return facts.state(now) if facts else ""


def _rate(rate: Rate, facts: Facts | None, now: datetime) -> None:
    """Counts an instance as in time or not once that is decided."""
    if facts is None or facts.cancelled_at <= now:
        return
    required = [step for step in facts.steps if step.required]
    if any(step.deadline < now and step.met_at > step.deadline for step in required):
        rate.bad += 1
    elif all(step.met_at <= now for step in required):
        rate.good += 1


def decider(old: Facts | None, new: Facts | None, now: datetime) -> tuple[str, str]:
    """The step that makes the verdict another, and what becomes of it: the worst in what is worse."""
    before, after = _states(old, now), _states(new, now)
    differing = [name for name in {**after, **before} if before.get(name) != after.get(name)]

    def rank(name: str) -> int:
        found = [_WORST.index(s) for s in (before.get(name), after.get(name)) if s in _WORST]
        return min(found, default=len(_WORST))

    if not differing:
        return "", ""
    step = min(differing, key=rank)
    words = [(states.get(step) or "no such step").replace("_", " ") for states in (before, after)]
    return step, " -> ".join(words)


def _states(facts: Facts | None, now: datetime) -> dict[str, StepState]:
    if facts is None:
        return {}
    states = zip(facts.steps, facts.step_states(now), strict=True)
    return {step.name: state for step, state in states if step.required or state == "failed"}


def _facts(workflow: str, row: tuple[Any, ...]) -> Facts:
    journey, item, occurrence, certainty, facility, started_at, cancelled_at, ended_at, *steps = row
    return Facts(
        workflow=workflow,
        journey=journey,
        item=item,
        occurrence=occurrence,
        started_at=started_at,
        facility=facility,
        steps=tuple(
            StepFacts(name, bool(applies), deadline, met, failed, required=bool(required))
            for name, applies, deadline, met, failed, required in zip(*steps, strict=True)
        ),
        cancelled_at=cancelled_at,
        ended_at=ended_at,
        certainty=certainty,
    )
