"""How a workflow is really followed: the most frequent deviations from it, with encounters to look at.

Called by `caretrail workflow conform` and its REST address. It reads what was judged (instances), what was
seen of each step (checkpoints) and, for messages nobody expected, spans, a day at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from slo.workflows.activate import active
from slo.workflows.discover.events import PACKAGE, gathered
from slo.workflows.match import Match
from slo.workflows.model import Workflow
from slo.workflows.reconcile.gather import gathered as cases_of
from slo.workflows.reconcile.gather import scope
from slo.workflows.reconcile.report import UnknownWorkflow
from tracing.store import Store, load_sql

MOST = 10
DeviationKind = Literal[
    "missing",
    "late",
    "refused",
    "forbidden",
    "repeated",
    "out of order",
    "before the start",
    "without a start",
    "unexpected message",
]
_WORDS: Mapping[str, str] = {
    "missing": "{step} did not happen by its deadline",
    "late": "{step} happened after its deadline",
    "refused": "{step} was refused, and nothing better came after",
    "forbidden": "{step} happened although it must not",
    "repeated": "{step} happened more often than expected",
    "out of order": "{step} happened before {before}",
    "before the start": "{step} happened before the start",
    "without a start": "{step} happened although nothing had started",
    "unexpected message": "{step} came in between, and no workflow knows it",
}


@dataclass(frozen=True, slots=True)
class Deviation:
    """One way of leaving the workflow: of what kind, at which step (or message), in how many occurrences.

    `examples` are journeys.
    """

    kind: DeviationKind
    step: str
    count: int
    sentence: str
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Conformance:
    """How the occurrences that began from `since` to `at` kept to a workflow.

    `decided`: those of which it is known whether all deadlines were kept; `good` kept them. `deviations`: the
    most frequent ones; `kinds` counts all there are.
    """

    workflow: str
    title: str
    since: datetime
    at: datetime
    began: int
    decided: int
    good: int
    kinds: int
    deviations: tuple[Deviation, ...]


def conform(store: Store, name: str, now: datetime, *, days: int = 30, most: int = MOST) -> Conformance:
    """The deviations of the last `days`, the most frequent first. Raises UnknownWorkflow, StoreError."""
    known = active(store)
    compiled = next((one for one in known if one.name == name), None)
    if compiled is None:
        raise UnknownWorkflow(f"there is no active workflow {name!r}")
    since = now - timedelta(days=days)
    asked = {"workflow": name, "since": since, "now": now}
    ((began, decided, good),) = _ask(store, "instances_of.sql", asked)
    found = [
        *_verdicts(store, compiled.workflow, asked),
        *_order(store, compiled.workflow, asked),
        *_counted(store, compiled.workflow, compiled.version, asked),
        *_unexpected(store, compiled.workflow, [one.workflow for one in known], asked),
    ]
    found.sort(key=lambda one: (-one.count, one.kind, one.step))
    return Conformance(
        workflow=name,
        title=compiled.workflow.title,
        since=since,
        at=now,
        began=began,
        decided=decided,
        good=good,
        kinds=len(found),
        deviations=tuple(found[:most]),
    )


def expects(workflow: Workflow, message: Mapping[str, str]) -> bool:
    """Whether a workflow knows a kind of message (interface, source, destination, message, operation)."""
    matches = [*workflow.marks.values(), *(match for step in workflow.spec.steps for match in step.matches)]
    return any(fits(match, message) for match in matches)


def fits(match: Match, message: Mapping[str, str]) -> bool:
    """Whether a match may mean a kind of message: interface, source, destination, message, operation."""
    for word, value in message.items():
        wanted = getattr(match, word)
        if wanted is not None and value not in wanted:
            return False
    ends = {message["source"], message["destination"]}
    return match.system is None or bool(ends & set(match.system))


def _verdicts(store: Store, workflow: Workflow, asked: Mapping[str, Any]) -> Iterator[Deviation]:
    forbidden = [step.name for step in workflow.spec.steps if step.forbidden_before]
    for kind, step, count, examples in _ask(store, "verdicts.sql", {**asked, "forbidden": forbidden}):
        yield _deviation(kind, step, count, examples)


def _order(store: Store, workflow: Workflow, asked: Mapping[str, Any]) -> Iterator[Deviation]:
    pairs = [(step.name, before) for step in workflow.spec.steps for before in step.after]
    if not pairs:
        return
    both = {"steps": [step for step, _ in pairs], "befores": [before for _, before in pairs]}
    for step, before, count, examples in _ask(store, "order.sql", {**asked, **both}):
        yield _deviation("out of order", step, count, examples, before)


def _counted(store: Store, workflow: Workflow, version: int, asked: Mapping[str, Any]) -> Iterator[Deviation]:
    steps = [step for step in workflow.spec.steps if step.forbidden_before is None]
    names = [step.name for step in steps]
    mine = scope(workflow, version, names, asked["since"], asked["now"])
    expected = {"steps": names, "expected": [step.count for step in steps]}
    with cases_of(store, workflow, mine, asked["now"]) as cases:
        sql = load_sql(PACKAGE, "counted.sql").replace("{{cases}}", cases)
        for kind, step, count, examples in store.query(sql, expected).rows:
            yield _deviation(kind, step, count, examples)


def _unexpected(
    store: Store, workflow: Workflow, known: Sequence[Workflow], asked: Mapping[str, Any]
) -> Iterator[Deviation]:
    words = ("interface", "source", "destination", "message", "operation")
    messages = [dict(zip(words, row, strict=True)) for row in _ask(store, "kinds_of_message.sql", asked)]
    listened = {message["interface"] for message in messages if expects(workflow, message)}
    unknown = sorted(
        {
            f"{message['message'] or message['operation']}@{message['interface']}"
            for message in messages
            if message["interface"] in listened and not any(expects(one, message) for one in known)
        }
    )
    if not unknown:
        return
    with gathered(store, asked["since"], asked["now"]) as table:
        sql = load_sql(PACKAGE, "unexpected.sql").replace("{{table}}", table)
        for activity, count, examples in store.query(sql, {**asked, "activities": unknown}).rows:
            yield _deviation("unexpected message", activity, count, examples)


def _deviation(
    kind: DeviationKind, step: str, count: int, examples: Iterable[str], before: str = ""
) -> Deviation:
    sentence = _WORDS[kind].format(step=step, before=before)
    return Deviation(kind, step, count, sentence, tuple(sorted(set(examples))))


def _ask(store: Store, name: str, asked: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    return store.query(load_sql(PACKAGE, name), asked).rows
