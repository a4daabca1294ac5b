"""Compiles what the steps of workflows look like in spans: one SELECT, and one view, for all of them.

Called by activation and the backtest; a pure function of the definitions, so its output is compared with
golden files. It must never run SQL.

Every match of every workflow is a bit. Each column that a match may name (interface, message, outcome, …) is
looked up once: its value has a mask of the matches that allow it, and the masks of a row's values together
leave those that fit. A comparison for each match would cost every span as much as storing it does
(docs/decisions/one-view.md has the figures).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Protocol

from slo.workflows.model import JOURNEYS, Match, Step, Workflow
from slo.workflows.sql_text import PACKAGE, fill, literal, literals
from tracing.store import load_sql

VIEW = "checkpoints_of_all"
NAMED_VIEWS = "checkpoints_of_"
_BITS = 64
_TAG = "tag "
_NAMED = (
    "if(token_kind = '', [trace_id], "
    "arrayDistinct(arrayFilter((t, k) -> k = token_kind, key_tokens, key_kinds)))"
)
_EXACT = ("interface", "source", "destination", "message", "operation")


class Version(Protocol):
    """What is asked of a compiled workflow here."""

    @property
    def workflow(self) -> Workflow: ...

    @property
    def version(self) -> int: ...


def label(step: Step, alternative: int) -> str:
    """The name of the checkpoints of one alternative of a step, counted from 0."""
    return f"{step.name}|{alternative + 1}" if alternative else step.name


def select(versions: Sequence[Version], spans: str) -> str:
    """SELECT of the checkpoints of some workflow versions from the table or subquery `spans`."""
    tests = [test for version in versions for test in _tests(version)]
    words = [tests[place : place + _BITS] for place in range(0, len(tests), _BITS)]
    names = [f"word{n}" for n, _ in enumerate(words)]
    return fill(
        "checkpoints_select.sql",
        workflows=literals(test.version.workflow.name for test in tests),
        versions=f"CAST({[test.version.version for test in tests]}, 'Array(UInt32)')",
        labels=literals(test.label for test in tests),
        marks=str([int(test.is_mark) for test in tests]),
        shared=str([int(test.match.shared or test.match.batch) for test in tests]),
        token=_token(tests),
        each=literals(test.version.workflow.spec.for_each or "" for test in tests),
        matches=",\n        ".join(
            f"{_word(word)} AS {name}" for word, name in zip(words, names, strict=True)
        ),
        any_match=" OR ".join(f"{name} != 0" for name in names),
        places=", ".join(
            f"arrayMap(place -> place + {n * _BITS + 1}, bitPositionsToArray({name}))"
            for n, name in enumerate(names)
        ),
        kinds=literals(JOURNEYS),
        ranks=str(list(range(1, len(JOURNEYS) + 1))),
        worst=str(len(JOURNEYS) + 1),
        spans=spans,
    )


def view_name(versions: Sequence[Version]) -> str:
    """The name of the view of these versions; another one for any other meaning."""
    text = select(versions, "spans") + load_sql(PACKAGE, "checkpoints_view.sql")
    return f"{VIEW}_{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def view_ddl(versions: Sequence[Version]) -> str:
    """CREATE statement of the view, with the store's `${…}` marks for single engine and cluster."""
    return fill(
        "checkpoints_view.sql",
        view=view_name(versions),
        select=select(versions, "${local:spans}").rstrip(),
    )


def fingerprint(version: Version) -> str:
    """What the checkpoints of one version depend on: equal as long as stored ones are right."""
    return hashlib.sha256(select([version], "spans").encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class _Test:
    """One bit. `outcomes` empty: whatever was answered."""

    version: Version
    label: str
    match: Match
    outcomes: tuple[str, ...]
    is_mark: bool

    def allows(self, column: str) -> tuple[str, ...] | None:
        """The values of a column that it allows; None for any."""
        if column == "outcome":
            return self.outcomes or None
        if column.startswith(_TAG):
            return self.match.tags.get(column.removeprefix(_TAG))
        found: tuple[str, ...] | None = getattr(self.match, column)
        return found


def _tests(version: Version) -> Iterator[_Test]:
    for name, match in version.workflow.marks.items():
        yield _Test(version, name, match, match.outcomes(()), is_mark=True)
    for step in version.workflow.spec.steps:
        for n, match in enumerate(step.matches):
            outcomes = (*match.met_by, *match.failed_by)
            yield _Test(version, label(step, n), match, outcomes, is_mark=False)


def _token(tests: Sequence[_Test]) -> str:
    """What a message counts for, or the batch that it is about; nothing where it names none."""
    if not any(test.match.batch for test in tests):
        return _NAMED
    about = "if(tags['batch'] = '', [], [tags['batch']])"
    return f"if({[int(test.match.batch) for test in tests]}[which], {about}, {_NAMED})"


def _word(tests: Sequence[_Test]) -> str:
    """A UInt64 with the bits of the tests that a span fits, the first test lowest."""
    tags = sorted({tag for test in tests for tag in test.match.tags})
    masks = []
    for column in (*_EXACT, "outcome", *(f"{_TAG}{tag}" for tag in tags)):
        allowed = [test.allows(column) for test in tests]
        if any(allowed):
            masks.append(_mask(_column(column), allowed))
    systems = [test.match.system for test in tests]
    if any(systems):
        # Either end: a match that names no system is settled by the first of both.
        ends = _mask("source", systems), _mask("destination", [one or () for one in systems])
        masks.append(f"bitOr({ends[0]}, {ends[1]})")
    return reduce(lambda left, right: f"bitAnd({left},\n            {right})", masks)


def _mask(expression: str, allowed: Sequence[tuple[str, ...] | None]) -> str:
    """The bits of those that allow the value of an expression."""
    anyway = sum(1 << bit for bit, values in enumerate(allowed) if values is None)
    values = sorted({value for values in allowed for value in values or ()})
    masks = [
        anyway + sum(1 << bit for bit, its in enumerate(allowed) if its is not None and value in its)
        for value in values
    ]
    return f"transform({expression}, {literals(values)}, CAST({masks}, 'Array(UInt64)'), toUInt64({anyway}))"


def _column(name: str) -> str:
    return f"tags[{literal(name.removeprefix(_TAG))}]" if name.startswith(_TAG) else name
