"""Compiles a workflow to the query for the facts of its instances.

Called by activation and the evaluator; a pure function of definition and version, so its output is compared
with golden files. It must never run SQL, and every text of a definition goes through `literal`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from operator import attrgetter

from slo.calendars import Calendar
from slo.workflows import placing
from slo.workflows.checkpoints import label
from slo.workflows.duration import Within
from slo.workflows.facts import NEVER
from slo.workflows.model import FACILITY, Match, Step, Workflow
from slo.workflows.shifts import rule_name
from slo.workflows.sql_text import PACKAGE, among, fill, literal, literals, without_comments
from tracing.store import load_sql

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_CLOCK_JOIN = (
    "ASOF LEFT JOIN clock_corrections AS clock "
    "ON noted.interface = clock.interface AND noted.seen_at >= clock.since"
)
_EVENT = "(at, outcome, ack_code, reason, identity)"


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
        return int.from_bytes(hashlib.sha256(self.facts(scoped=False).encode()).digest()[:4])

    def facts(self, scoped: bool = True, checkpoints: str = "checkpoints", clocks: bool = True) -> str:
        """SELECT of facts: of the journeys in `{journeys:Array(String)}`, or of all when not `scoped`.

        `checkpoints` is the table, or subquery, its events come from. Without `clocks` the taps' clocks are
        taken to be right, which is quicker and the same where none was ever found wrong.
        """
        journeys = "{journeys:Array(String)}"
        mine = f"SELECT token FROM journey_members WHERE journey IN {journeys}"
        # Their own tokens, too: one may be a key that has moved to a journey that is not asked for.
        theirs = f"token IN ({mine} UNION ALL SELECT arrayJoin({journeys}))"
        steps = list(enumerate(self.workflow.spec.steps, 1))

        def each(pattern: str) -> str:
            return ", ".join(pattern.format(n=n) for n, _ in steps)

        each_item = self.workflow.spec.for_each is not None
        return fill(
            "facts.sql",
            checkpoints=checkpoints,
            at="subtractMilliseconds(seen_at, clock.ahead_ms)" if clocks else "seen_at",
            clock_join=_CLOCK_JOIN if clocks else "",
            workflow=self.name,
            version=str(self.version),
            mapping=placing.mapping(f"WHERE {theirs}" if scoped else ""),
            journey_of=placing.journey_of(self.workflow),
            token_scope=f"AND {theirs}" if scoped else "",
            journey_scope=f"WHERE journey IN {journeys}" if scoped else "",
            items=self._items(mine if scoped else "")
            if each_item
            else "events AS (SELECT *, '' AS item FROM placed),",
            start_tuple=", ".join(
                ["at", "facility", *(f"tags[{literal(tag)}]" for tag in self.workflow.tags)]
            ),
            gathered=",\n            ".join(self._gathered()),
            first_events=",\n            ".join(self._first_events()),
            judged=self._judged(),
            since=_moment(self.since),
            until=_moment(self.until),
            step_names=literals(step.name for _, step in steps),
            applicable=each("toUInt8(a{n})"),
            required=each("toUInt8(r{n})"),
            bases=each("b{n}"),
            deadlines=", ".join(self._deadline_at(n, step) for n, step in steps),
            met_at=each("m{n}"),
            failed_at=each("f{n}"),
            met_outcomes=self._said(steps, "met", 2),
            met_acks=self._said(steps, "met", 3),
            failed_outcomes=self._said(steps, "failed", 2),
            failed_acks=self._said(steps, "failed", 3),
            failed_reasons=self._said(steps, "failed", 4),
            piece_joins="\n".join(
                f"ASOF LEFT JOIN (SELECT rule, since, shift_ms, at FROM deadline_pieces "
                f"WHERE {among('rule', sorted({*self._rules_of(step)} - {''}))}) AS piece{n} "
                f"ON judged.rule{n} = piece{n}.rule AND judged.b{n} >= piece{n}.since"
                for n, step in steps
                if self._by_calendar(step)
            ),
        )

    def _items(self, members: str) -> str:
        scope = "WHERE journey IN {journeys:Array(String)}" if members else ""
        keys = f"WHERE token IN ({members})" if members else ""
        return fill("facts_items.sql", items=placing.items(self.workflow, scope, keys)).strip()

    def _gathered(self) -> Iterator[str]:
        for n, step in enumerate(self.workflow.spec.steps, 1):
            for what, outcomes in _OUTCOMES.items():
                heard = " OR ".join(
                    f"(step = {literal(label(step, place))} AND {among('outcome', outcomes(match))})"
                    for place, match in enumerate(step.matches)
                )
                yield f"arraySort(groupUniqArrayIf({_EVENT}, {heard})) AS {what}_{n}"
        for n, tag in enumerate(self.workflow.tags, 1):
            value = f"tags[{literal(tag)}]"
            yield f"arraySort(groupUniqArrayIf((at, {value}), {value} != '')) AS said_{n}"

    def _first_events(self) -> Iterator[str]:
        inside = "event -> event.1 >= started_at AND event.1 < until"
        for n, step in enumerate(self.workflow.spec.steps, 1):
            if step.count == 1:
                yield f"arrayFirst({inside}, met_{n}) AS met{n}"
            else:
                # Of each message the first success; then the last one that is needed.
                yield f"arrayFilter({inside}, met_{n}) AS inside{n}"
                yield (
                    f"arrayFilter((event, nth) -> nth = 1, inside{n}, "
                    f"arrayEnumerateUniq(arrayMap(event -> event.5, inside{n})))[{step.count}] AS met{n}"
                )
            yield f"arrayFirst({inside}, failed_{n}) AS failed{n}"
        for n, _ in enumerate(self.workflow.tags, 1):
            said = f"arrayFirst({inside}, said_{n}).2"
            yield f"if(start.{n + 2} != '', start.{n + 2}, {said}) AS tag{n}"

    def _judged(self) -> str:
        """A SELECT for each generation of steps: a step is a column for those that wait for it."""
        steps = list(enumerate(self.workflow.spec.steps, 1))
        text = _level("occurrences", [line for n, step in steps for line in self._seen(n, step)])
        for generation in self.workflow.spec.generations():
            lines = [line for n, step in steps if step.name in generation for line in self._own(n, step)]
            text = _level(f"({text})", lines)
        return text

    def _seen(self, n: int, step: Step) -> Iterator[str]:
        """What concerns a step alone: w whether it is asked for, m met at, f failed at, h too early at."""
        yield f"toUInt8({' AND '.join(self._applies(step)) or '1'}) AS w{n}"
        if step.forbidden_before is not None:
            yield f"if(met{n}.1 < started_at, never, met{n}.1) AS h{n}"
        else:
            yield f"if(met{n}.1 < started_at, never, met{n}.1) AS m{n}"
            yield f"if(failed{n}.1 < started_at, never, failed{n}.1) AS f{n}"
        if self._by_calendar(step):
            rules = self._by_facility(partial(self._rule_text, step))
            yield f"{rules} AS rule{n}"

    def _own(self, n: int, step: Step) -> Iterator[str]:
        """What depends on the steps it waits for."""
        spec = self.workflow.spec
        place = {step.name: n for n, step in enumerate(spec.steps, 1)}
        if step.forbidden_before is not None:
            target = place[step.forbidden_before]
            yield f"started_at AS b{n}"
            yield f"h{n} < m{target} AS hit{n}"
            yield f"w{n} AND a{target} AS a{n}"
            yield f"w{n} AND a{target} AND (r{target} OR h{n} < m{target}) AS r{n}"
            yield f"if(h{n} < m{target}, h{n}, never) AS f{n}"
            yield f"if(h{n} < m{target}, never, m{target}) AS m{n}"
            return
        waits = [(place[name], spec.step(name)) for name in step.after]
        dormant = [f"d{k}" for k, _ in waits]
        dormant += [f"m{k} = never" for k, one in waits if one.optional]
        bases = ", ".join(f"if(a{k}, m{k}, b{k})" for k, _ in waits)
        applies = f"w{n} AND NOT {_any(dormant)}" if waits else f"w{n}"
        yield f"toUInt8({_any(dormant)}) AS d{n}"
        yield f"{f'arrayMax([{bases}])' if bases else 'started_at'} AS b{n}"
        yield f"{applies} AS a{n}"
        yield f"{'0' if step.optional else applies} AS r{n}"

    def _applies(self, step: Step) -> Iterator[str]:
        skipped = [name for name in self.workflow.spec.facilities if self.workflow.spec.skips(step, name)]
        if skipped:
            yield f"NOT {among('facility', skipped)}"
        for tag, values in sorted(step.when.items()):
            column = "facility" if tag == FACILITY else f"tag{self.workflow.tags.index(tag) + 1}"
            yield among(column, ("", *values))

    def _said(self, steps: list[tuple[int, Step]], what: str, member: int) -> str:
        def one(n: int, step: Step) -> str:
            if step.forbidden_before is None:
                return f"{what}{n}.{member}"
            return f"if(hit{n}, met{n}.{member}, '')" if what == "failed" else "''"

        return ", ".join(one(n, step) for n, step in steps)

    def _deadline_at(self, n: int, step: Step) -> str:
        if step.forbidden_before is not None:
            return "never"
        spec = self.workflow.spec
        if not any(spec.deadline_at(step, facility) for facility in (None, *spec.facilities)):
            return "ended"
        text = self._by_facility(partial(self._plain, n, step))
        if self._by_calendar(step):
            piece = f"piece{n}"
            shifted = f"addMilliseconds(b{n}, {piece}.shift_ms)"
            at = f"if({piece}.at > toDateTime64(0, 3, 'UTC'), {piece}.at, {shifted})"
            text = (
                at
                if set(self._rules_of(step)) == {self._rule(step, None)}
                else f"if(rule{n} != '', {at}, {text})"
            )
        return f"least(ended, if(b{n} = never, never, {text}))"

    def _plain(self, n: int, step: Step, facility: str | None) -> str:
        deadline, calendar = self._deadline(step, facility)
        if deadline is None or calendar is not None:
            return "never"
        return f"addMilliseconds(b{n}, {round(deadline.seconds * 1000)})"

    def _deadline(self, step: Step, facility: str | None) -> tuple[Within | None, Calendar | None]:
        """The deadline at a facility, and its calendar if it needs one."""
        deadline = self.workflow.spec.deadline_at(step, facility)
        if step.forbidden_before is not None or deadline is None or not deadline.needs_calendar:
            return (None if step.forbidden_before else deadline), None
        return deadline, self.calendars[self.workflow.spec.calendar_at(facility) or ""]

    def _rule(self, step: Step, facility: str | None) -> str:
        deadline, calendar = self._deadline(step, facility)
        return rule_name(calendar, deadline) if deadline and calendar else ""

    def _rule_text(self, step: Step, facility: str | None) -> str:
        return literal(self._rule(step, facility))

    def _rules_of(self, step: Step) -> Iterator[str]:
        return (self._rule(step, facility) for facility in (None, *self.workflow.spec.facilities))

    def _by_calendar(self, step: Step) -> bool:
        return any(self._rules_of(step))

    def _by_facility(self, said: Callable[[str | None], str]) -> str:
        """An expression that depends on the facility as far as the workflow does."""
        usual = said(None)
        differs = [(name, text) for name in self.workflow.spec.facilities if (text := said(name)) != usual]
        if not differs:
            return usual
        return (
            "multiIf("
            + ", ".join(f"facility = {literal(name)}, {text}" for name, text in differs)
            + f", {usual})"
        )


_OUTCOMES: Mapping[str, Callable[[Match], tuple[str, ...]]] = {
    "met": attrgetter("met_by"),
    "failed": attrgetter("failed_by"),
}


def state_expression() -> str:
    """The instance state at `{now}` over columns of `instances AS i`; at risk counts as on track."""
    return without_comments(load_sql(PACKAGE, "state.sql"))


def open_state_expression() -> str:
    """The state of open instances over columns of `open_instances AS o` and an array `risk`."""
    return without_comments(load_sql(PACKAGE, "open_state.sql"))


def judged() -> str:
    """SELECT of every instance with its state at `{now:DateTime64(3, 'UTC')}`."""
    return fill("judged.sql", state=state_expression())


def _level(source: str, lines: list[str]) -> str:
    return f"SELECT *, {', '.join(lines)} FROM {source}"


def _any(tests: list[str]) -> str:
    return f"({' OR '.join(tests)})" if tests else "0"


def _moment(at: datetime) -> str:
    return f"toDateTime64('{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d}', 3, 'UTC')"
