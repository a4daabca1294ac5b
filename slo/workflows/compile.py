"""Compiles a workflow to ClickHouse: a view that turns spans into checkpoints, and the query for its facts.

Called by activation and the evaluator; a pure function of definition and version, so its output is compared
with golden files. It must never run SQL, and every text of a definition goes through `literal`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from slo.calendars import Calendar
from slo.workflows.model import CANCEL, JOURNEYS, START, Match, Step, Workflow
from slo.workflows.shifts import fingerprint
from tracing.store import load_sql

_PACKAGE = "slo.workflows.sql"
_MARK = re.compile(r"\{\{(\w+)\}\}")
_EXACT = ("interface", "source", "destination", "message", "operation")


def literal(text: str) -> str:
    """A ClickHouse string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def fill(name: str, **values: str) -> str:
    """The template `name` with its `{{marks}}` replaced, its header comment included."""
    return _MARK.sub(lambda found: values[found[1]], load_sql(_PACKAGE, name))


@dataclass(frozen=True, slots=True)
class Compiled:
    """A workflow version ready to run. `name` is safe inside SQL: the model allows letters, digits and -."""

    workflow: Workflow
    version: int
    calendar: Calendar | None

    @property
    def name(self) -> str:
        """The workflow's name."""
        return self.workflow.name

    @property
    def view(self) -> str:
        """Name of the view that writes checkpoints."""
        return f"{view_prefix(self.name)}{self.version}"

    def view_ddl(self) -> str:
        """CREATE statement of the view, with the store's `${…}` marks for single engine and cluster."""
        return fill(
            "checkpoints_view.sql",
            view=self.view,
            workflow=self.name,
            version=str(self.version),
            select=self.checkpoints_select("${local:spans}").rstrip(),
        )

    def checkpoints_select(self, spans: str) -> str:
        """SELECT of checkpoints from the table or subquery `spans`."""
        return fill(
            "checkpoints_select.sql",
            workflow=self.name,
            version=str(self.version),
            steps=_strings(name for name, _ in self._tests()),
            points=str(sum(name in (START, CANCEL) for name, _ in self._tests())),
            matches="\n            + ".join(
                f"toUInt64({test}) * {1 << place}" for place, (_, test) in enumerate(self._tests())
            ),
            kinds=_strings(JOURNEYS),
            ranks=str(list(range(1, len(JOURNEYS) + 1))),
            worst=str(len(JOURNEYS) + 1),
            spans=spans,
        )

    def facts(self, scoped: bool = True) -> str:
        """SELECT of facts: of the journeys in `{journeys:Array(String)}`, or of all when not `scoped`."""
        journeys = "{journeys:Array(String)}"
        mine = f"SELECT token FROM journey_members WHERE journey IN {journeys}"
        steps = list(enumerate(self.workflow.spec.steps, 1))
        shifts = sorted({step.within.business_days for _, step in steps if step.within.business_days})

        def each(pattern: str) -> str:
            return ", ".join(pattern.format(n=n) for n, _ in steps)

        return fill(
            "facts.sql",
            workflow=self.name,
            version=str(self.version),
            calendar=fingerprint(self.calendar) if self.calendar else "",
            # A message placed by its patient alone is not heard where much depends on it.
            unsure="" if self.workflow.hears_probable else " OR mapping.basis = 'patient'",
            mapping_scope=f"WHERE token IN ({mine})" if scoped else "",
            token_scope=f"AND token IN ({mine} UNION ALL SELECT arrayJoin({journeys}))" if scoped else "",
            journey_scope=f"WHERE journey IN {journeys}" if scoped else "",
            start_tuple=", ".join(
                ["at", "facility", *(f"tags[{literal(tag)}]" for tag in self.workflow.tags)]
            ),
            gathered_steps=",\n            ".join(
                f"arraySort(groupUniqArrayIf((at, outcome, ack_code, reason), step = {literal(step.name)} "
                f"AND outcome IN {_tuple(outcomes)})) AS {what}_{n}"
                for n, step in steps
                for what, outcomes in (("met", step.met_by), ("failed", step.failed_by))
            ),
            first_events=",\n            ".join(
                f"arrayFirst(event -> event.1 >= started_at AND event.1 < until, {what}_{n}) AS {what}{n}"
                for n, _ in steps
                for what in ("met", "failed")
            ),
            step_names=_strings(step.name for _, step in steps),
            applicable=", ".join(f"toUInt8({self._applies(step)})" for _, step in steps),
            deadlines=", ".join(_deadline(step) for _, step in steps),
            met_at=each("if(met{n}.1 < occurrences.started_at, never, met{n}.1)"),
            failed_at=each("if(failed{n}.1 < occurrences.started_at, never, failed{n}.1)"),
            met_outcomes=each("met{n}.2"),
            met_acks=each("met{n}.3"),
            failed_outcomes=each("failed{n}.2"),
            failed_acks=each("failed{n}.3"),
            failed_reasons=each("failed{n}.4"),
            shift_joins="\n".join(
                f"ASOF LEFT JOIN (SELECT calendar, since, shift_ms FROM business_day_shifts "
                f"WHERE days = {days}) AS shift{days} ON occurrences.calendar = shift{days}.calendar "
                f"AND occurrences.started_at >= shift{days}.since"
                for days in shifts
            ),
        )

    @property
    def longest(self) -> timedelta:
        """No deadline lies later than this after the start."""
        return max(step.within.longest() for step in self.workflow.spec.steps)

    def _tests(self) -> list[tuple[str, str]]:
        spec = self.workflow.spec
        tests = [(START, _predicate(spec.start, spec.start.outcome and spec.start.outcomes(())))]
        if spec.cancel is not None:
            tests.append((CANCEL, _predicate(spec.cancel, spec.cancel.outcome and spec.cancel.outcomes(()))))
        return tests + [
            (step.name, _predicate(step.match, (*step.met_by, *step.failed_by))) for step in spec.steps
        ]

    def _applies(self, step: Step) -> str:
        tests = []
        for tag, values in sorted(step.when.items()):
            place = self.workflow.tags.index(tag) + 3
            tests.append(f"start.{place} IN {_tuple(('', *values))}")
        return " AND ".join(tests) or "1"


def view_prefix(name: str) -> str:
    """What the views of all versions of a workflow begin with; - cannot stand in a bare table name."""
    return f"checkpoints_of_{name.replace('-', '_')}_v"


def state_expression() -> str:
    """The instance state at `{now}` over columns of `instances AS i` and an array `risk`."""
    return _without_comments(load_sql(_PACKAGE, "state.sql"))


def open_state_expression() -> str:
    """The same over columns of `open_instances AS o`, which hold open instances only."""
    return _without_comments(load_sql(_PACKAGE, "open_state.sql"))


def judged() -> str:
    """SELECT of every instance with its state at `{now:DateTime64(3, 'UTC')}`."""
    return fill("judged.sql", state=state_expression())


def _predicate(match: Match, outcomes: tuple[str, ...] | None) -> str:
    tests = [
        _among(column, getattr(match, column)) for column in _EXACT if getattr(match, column) is not None
    ]
    if match.system is not None:
        systems = _tuple(match.system)
        tests.append(f"(source IN {systems} OR destination IN {systems})")
    if outcomes:
        tests.append(_among("outcome", outcomes))
    return " AND ".join(tests)


def _among(column: str, values: Iterable[str]) -> str:
    values = tuple(values)
    # One value is compared: a set of one costs each insert the analysis of a set.
    return f"{column} = {literal(values[0])}" if len(values) == 1 else f"{column} IN {_tuple(values)}"


def _deadline(step: Step) -> str:
    if step.within.business_days:
        return f"addMilliseconds(occurrences.started_at, shift{step.within.business_days}.shift_ms)"
    return f"addMilliseconds(occurrences.started_at, {round(step.within.seconds * 1000)})"


def _tuple(values: Iterable[str]) -> str:
    return (
        "(" + ", ".join(literal(value) for value in values) + ")"
        if (values := tuple(values))
        else "('@none')"
    )


def _strings(values: Iterable[str]) -> str:
    return "[" + ", ".join(literal(value) for value in values) + "]"


def _without_comments(sql: str) -> str:
    return "\n".join(line for line in sql.splitlines() if not line.startswith("--"))
