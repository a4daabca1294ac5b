"""Compiles a workflow to the query for the facts of its instances.

Called by activation and the evaluator; a pure function of definition and version, so its output is compared
with golden files. It must never run SQL, and every text of a definition goes through `literal`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property

from slo.calendars import Calendar
from slo.workflows import placing
from slo.workflows.checkpoints import label
from slo.workflows.duration import Within
from slo.workflows.facts import NEVER
from slo.workflows.model import FACILITY, Step, Workflow
from slo.workflows.shifts import rule_name
from slo.workflows.sql_text import PACKAGE, among, fill, literal, literals, without_comments
from tracing.keys import SEARCH_ONLY
from tracing.store import load_sql

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_CLOCK_JOIN = (
    "ASOF LEFT JOIN clock_corrections AS clock "
    "ON noted.interface = clock.interface AND noted.seen_at >= clock.since"
)


@dataclass(frozen=True, slots=True)
class _Scope:
    """What is judged, as conditions on journeys, their keys, and what is asked of which; all when empty."""

    journeys: str = ""
    keys: str = ""
    asked: str = ""


@dataclass(frozen=True)
class Compiled:
    """A workflow version ready to run. `name` is safe inside SQL: the model allows letters, digits and -.

    It judges the occurrences that start at `since` or later and before `until`, which is when the next
    version takes over.
    """

    workflow: Workflow
    version: int
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    since: datetime = BEGINNING
    until: datetime = NEVER

    @property
    def name(self) -> str:
        """The workflow's name."""
        return self.workflow.name

    @property
    def longest(self) -> timedelta:
        """No deadline lies later than this after the start, unless steps before it are met late."""
        spec = self.workflow.spec
        found: dict[str, timedelta] = {}
        for step in spec.ordered():
            deadlines = [spec.deadline_at(step, facility) for facility in (None, *spec.facilities)]
            own = max((one.longest() for one in deadlines if one), default=timedelta(0))
            found[step.name] = own + max((found[name] for name in step.after), default=timedelta(0))
        return max(found.values())

    @cached_property
    def rules(self) -> dict[str, tuple[Within, Calendar]]:
        """Deadlines that a calendar decides, by the name of their pieces in the store."""
        found = {}
        for step in self.workflow.spec.steps:
            for facility in (None, *self.workflow.spec.facilities):
                deadline, calendar = self._deadline(step, facility)
                if deadline is not None and calendar is not None:
                    found[rule_name(calendar, deadline)] = (deadline, calendar)
        return found

    @cached_property
    def digest(self) -> int:
        """A number that changes with the meaning of the facts: what another judged is judged again."""
        return int.from_bytes(hashlib.sha256(self.facts().encode()).digest()[:4])

    def facts(self, journeys: str = "", checkpoints: str = "checkpoints") -> str:
        """SELECT of facts: of the journeys of the query `journeys`, or of all.

        `checkpoints` is the table, or subquery, its events come from.
        """
        scope = (
            _Scope(f"journey IN ({journeys})", f"token IN ({members(journeys)})") if journeys else _Scope()
        )
        return _facts([self], scope, checkpoints, clocks=True)

    @property
    def kind(self) -> tuple[bool, bool, bool]:
        """Whether it has items, how they are told apart, and whether it hears of batches.

        Versions of one kind can be asked together.
        """
        item = self.workflow.spec.for_each
        return item is not None, item in SEARCH_ONLY, self.workflow.spec.batches

    def heard(self) -> Iterator[str]:
        """What its checkpoints mean: rows of `heard` in facts.sql."""
        tags, strict = literals(self.workflow.tags), int(not self.workflow.hears_probable)
        mine = f"{literal(self.name)}, {self.version}"
        for mark in self.workflow.marks:
            yield f"({mine}, {literal(mark)}, 0, [], [], {tags}, {strict})"
        for n, step in enumerate(self.workflow.spec.steps, 1):
            for place, match in enumerate(step.matches):
                good, bad = literals(match.met_by), literals(match.failed_by)
                yield f"({mine}, {literal(label(step, place))}, {n}, {good}, {bad}, {tags}, {strict})"

    def rule(self) -> str:
        """What it asks for: its row of `rules` in facts.sql."""
        spec = self.workflow.spec
        steps, facilities = spec.steps, (None, *spec.facilities)
        place = {step.name: n for n, step in enumerate(steps, 1)}

        def of_facilities(said: Callable[[Step, str | None], str]) -> str:
            return _array(_array(said(step, facility) for step in steps) for facility in facilities)

        values = (
            literal(self.name),
            str(self.version),
            _moment(self.since),
            _moment(self.until),
            literals(step.name for step in steps),
            _array(step.count for step in steps),
            _array(int(step.optional) for step in steps),
            _array(_array(place[name] for name in step.after) for step in steps),
            _array(place.get(step.forbidden_before or "", 0) for step in steps),
            _array(_array(self._conditions(step)) for step in steps),
            literals(spec.facilities),
            of_facilities(self._shift),
            of_facilities(lambda step, facility: literal(self._rule(step, facility))),
            of_facilities(lambda step, facility: str(int(spec.skips(step, facility)))),
            _array(self.slots),
            str(len([*spec.generations()]) - 1),
        )
        when, rule = values[:4], ", ".join(values[4:])
        return f"({', '.join(when)}, ({rule}))"

    @property
    def slots(self) -> list[int]:
        """Numbers of the steps with a deadline that a calendar decides."""
        return [n for n, step in enumerate(self.workflow.spec.steps, 1) if self._by_calendar(step)]

    def _conditions(self, step: Step) -> Iterator[str]:
        for tag, values in sorted(step.when.items()):
            number = 0 if tag == FACILITY else self.workflow.tags.index(tag) + 1
            yield f"({number}, {literals(('', *values))})"

    def _shift(self, step: Step, facility: str | None) -> str:
        deadline, calendar = self._deadline(step, facility)
        return "-1" if deadline is None or calendar is not None else str(round(deadline.seconds * 1000))

    def _deadline(self, step: Step, facility: str | None) -> tuple[Within | None, Calendar | None]:
        """The deadline at a facility, and its calendar if it needs one."""
        deadline = self.workflow.spec.deadline_at(step, facility)
        if step.forbidden_before is not None or deadline is None or not deadline.needs_calendar:
            return (None if step.forbidden_before else deadline), None
        return deadline, self.calendars[self.workflow.spec.calendar_at(facility) or ""]

    def _rule(self, step: Step, facility: str | None) -> str:
        deadline, calendar = self._deadline(step, facility)
        return rule_name(calendar, deadline) if deadline and calendar else ""

    def _rules_of(self, step: Step) -> Iterator[str]:
        return (self._rule(step, facility) for facility in (None, *self.workflow.spec.facilities))

    def _by_calendar(self, step: Step) -> bool:
        return any(self._rules_of(step))


def facts_of(versions: Sequence[Compiled], clocks: bool = True) -> str:
    """SELECT of the facts of several versions of one kind at once.

    Of the journeys in `{journeys:Array(String)}`, whose keys are `{tokens:Array(String)}` (`members`), what
    `{asked:Array(String)}` says, as `asked_for` writes it. Without `clocks` the taps' clocks are taken to be
    right, which is quicker and the same where none was ever found wrong.
    """
    scope = _Scope(
        "journey IN {journeys:Array(String)}",
        "token IN {tokens:Array(String)}",
        f"{without_comments(load_sql(PACKAGE, 'asked_of.sql')).strip()} IN {{asked:Array(String)}}",
    )
    return _facts(versions, scope, "checkpoints", clocks)


def members(journeys: str) -> str:
    """SELECT of the keys of the journeys of a query."""
    return without_comments(fill("judged_keys.sql", journeys=journeys)).strip()


def asked_for(version: Compiled, journey: str) -> str:
    """A journey of a version, for `facts_of`."""
    return f"{version.name}/{version.version}/{journey}"


def _facts(versions: Sequence[Compiled], scope: _Scope, checkpoints: str, clocks: bool) -> str:
    slots = range(1, 1 + max(len(version.slots) for version in versions))
    rules = sorted({rule for version in versions for rule in version.rules})
    read = {
        "versions": ", ".join(f"({literal(version.name)}, {version.version})" for version in versions),
        "checkpoints": checkpoints,
        "token_scope": f"AND {scope.keys}" if scope.keys else "",
    }
    batches = "\n" + without_comments(fill("facts_batches.sql", **read)).strip()
    return fill(
        "facts.sql",
        **read,
        of_batches=batches if versions[0].workflow.spec.batches else "",
        of=", ".join(f"{version.name} version {version.version}" for version in versions),
        heard=literal(",\n".join(row for version in versions for row in version.heard())),
        rules=literal(",\n".join(version.rule() for version in versions)),
        at="subtractMilliseconds(seen_at, clock.ahead_ms)" if clocks else "seen_at",
        clock_join=_CLOCK_JOIN if clocks else "",
        mapping=placing.mapping(_where(scope.keys)),
        journey_of=placing.journey_of("seen.strict AND mapping.basis = 'patient'"),
        journey_scope=_where(scope.journeys, scope.asked),
        items=_items(versions[0], scope),
        timed=_timed(slots),
        by_calendar="".join(
            f"rule.slots[{n}] = n AND by != '', if(piece{n}.at > toDateTime64(0, 3, 'UTC'), piece{n}.at, "
            f"addMilliseconds(base, piece{n}.shift_ms)),\n                    "
            for n in slots
        ).strip(),
        piece_joins="\n        ".join(
            f"ASOF LEFT JOIN (SELECT rule, since, shift_ms, at FROM deadline_pieces "
            f"WHERE {among('rule', rules)}) AS piece{n} "
            f"ON timed.rule{n} = piece{n}.rule AND timed.base{n} >= piece{n}.since"
            for n in slots
        ),
    )


def _items(version: Compiled, scope: _Scope) -> str:
    if version.workflow.spec.for_each is None:
        return "events AS (SELECT *, '' AS item FROM placed),"
    whose = "workflow, version, journey"
    items = placing.items(version.workflow, whose, _where(scope.journeys), _where(scope.keys))
    return fill("facts_items.sql", items=items).strip()


def _where(*conditions: str) -> str:
    found = " AND ".join(filter(None, conditions))
    return f"WHERE {found}" if found else ""


def _timed(slots: Iterable[int]) -> str:
    """The rules of deadlines that calendars decide, and what they count from, as columns to join by."""
    columns = "".join(
        f", rule.timed[plan][rule.slots[{n}]] AS rule{n}, own[rule.slots[{n}]].2 AS base{n}" for n in slots
    )
    return f"(SELECT *{columns} FROM judged)"


def state_expression() -> str:
    """The instance state at `{now}` over columns of `instances AS i`; at risk counts as on track."""
    return without_comments(load_sql(PACKAGE, "state.sql"))


def open_state_expression() -> str:
    """The state of open instances over columns of `open_instances AS o` and an array `risk`."""
    return without_comments(load_sql(PACKAGE, "open_state.sql"))


def judged() -> str:
    """SELECT of every instance with its state at `{now:DateTime64(3, 'UTC')}`."""
    return fill("judged.sql", state=state_expression())


def _array(values: Iterable[object]) -> str:
    return f"[{', '.join(map(str, values))}]"


def _moment(at: datetime) -> str:
    return f"'{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d}'"
