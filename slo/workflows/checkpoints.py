"""Compiles what the steps of workflows look like in spans: one SELECT, and one view, for all of them.

Called by activation and the backtest; a pure function of the definitions, so its output is compared with
golden files. It must never run SQL.

One view computes a mask of matches per workflow. What several workflows ask of a message (its interface, its
type) is computed once, because the engine knows equal expressions; a view for each would read every block of
spans as often as there are workflows (docs/decisions/one-view.md has the figures).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Protocol

from slo.workflows.model import JOURNEYS, Match, Step, Workflow
from slo.workflows.sql_text import PACKAGE, among, fill, literal, literals
from tracing.store import load_sql

VIEW = "checkpoints_of_all"
NAMED_VIEWS = "checkpoints_of_"
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
    tests = [list(_tests(version.workflow)) for version in versions]
    names = [f"mask{n}" for n, _ in enumerate(versions, 1)]
    matches = ",\n        ".join(
        "\n        + ".join(f"toUInt64({test}) * {1 << place}" for place, (_, _, test) in enumerate(its))
        + f" AS {name}"
        for its, name in zip(tests, names, strict=True)
    )
    workflows = [version.workflow for version in versions]
    return fill(
        "checkpoints_select.sql",
        workflows=literals(workflow.name for workflow in workflows),
        versions=f"CAST({[version.version for version in versions]}, 'Array(UInt32)')",
        labels="[" + ",\n        ".join(literals(name for name, _, _ in its) for its in tests) + "]",
        points=str([len(workflow.marks) for workflow in workflows]),
        shared=_numbers(
            sum(1 << place for place, (_, shared, _) in enumerate(its) if shared) for its in tests
        ),
        each=literals(workflow.spec.for_each or "" for workflow in workflows),
        matches=matches,
        any_match=" OR ".join(f"{name} != 0" for name in names),
        masks=f"[{', '.join(names)}]",
        places=str(list(range(1, len(names) + 1))),
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


def _numbers(values: Iterator[int]) -> str:
    return f"CAST({list(values)}, 'Array(UInt64)')"


def _tests(workflow: Workflow) -> Iterator[tuple[str, bool, str]]:
    """(name of the checkpoint, whether it counts for every item, predicate), marks first."""
    for name, match in workflow.marks.items():
        yield name, match.shared, _predicate(match, match.outcomes(()))
    for step in workflow.spec.steps:
        for n, match in enumerate(step.matches):
            yield label(step, n), match.shared, _predicate(match, (*match.met_by, *match.failed_by))


def _predicate(match: Match, outcomes: tuple[str, ...]) -> str:
    """`outcomes` empty: whatever was answered."""
    tests = [among(column, getattr(match, column)) for column in _EXACT if getattr(match, column) is not None]
    if match.system is not None:
        tests.append(f"({among('source', match.system)} OR {among('destination', match.system)})")
    tests += [among(f"tags[{literal(tag)}]", values) for tag, values in sorted(match.tags.items())]
    if outcomes:
        tests.append(among("outcome", outcomes))
    return " AND ".join(tests)
