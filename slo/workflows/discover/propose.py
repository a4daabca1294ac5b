"""Proposes a workflow from what happened: steps in their usual order, with deadlines that 95 of 100 keep.

Called by `caretrail workflow discover`. What it writes passes `caretrail workflow check`; a person decides
whether it is also what should happen.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from slo import calendars
from slo.calendars import Calendar
from slo.workflows.backtest.draft import judged
from slo.workflows.discover import mine
from slo.workflows.discover.events import PACKAGE, gathered
from slo.workflows.discover.mine import Activity, Observed, Share
from slo.workflows.discover.office import Office, office
from slo.workflows.discover.relate import ProposedStep, alternatives, steps
from slo.workflows.discover.things import Thing, events_of, thing_of
from slo.workflows.discover.write import step_name, yaml_of
from slo.workflows.load import define_text
from tracing.store import Store, load_sql

#: HL7 v2 events and the event that takes each back (table 0003).
_TAKEN_BACK = {"A01": "A11", "A02": "A12", "A03": "A13", "A04": "A11", "A05": "A38"}
#: Of more journeys than these, coverage is that of one in so many.
_JUDGED = 20_000
_MOMENTS = 1000


@dataclass(frozen=True, slots=True)
class Proposal:
    """A workflow that traffic itself seems to follow, and how many journeys do follow it.

    thing: what it has an instance for each of, None for one a journey. did: what was done to find it, in
    sentences, with how long each took.
    """

    observed: Observed
    steps: tuple[ProposedStep, ...]
    cancel: str
    coverage: Share
    yaml: str
    thing: Thing | None = None
    did: tuple[str, ...] = ()


class _Diary:
    """What was done, and how long it took."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Note something that is done inside."""
        began = time.perf_counter()
        yield
        self.lines.append(f"{what}: {time.perf_counter() - began:.1f} s")


def discover(
    store: Store,
    journey: str,
    now: datetime,
    *,
    days: int = 30,
    start: str | None = None,
    endpoints: Mapping[str, tuple[str, str]] | None = None,
    offices: Sequence[Calendar] | None = None,
) -> Proposal:
    """Propose a workflow for journeys of a kind. endpoints: interface -> (source, destination), for names.

    start: MESSAGE@INTERFACE, several messages with commas between; else what most begin with. offices: the
    calendars to try, by default those that are shipped. Raises NothingSeen, StoreError.
    """
    since = now - timedelta(days=days)
    diary = _Diary()
    between = endpoints or _endpoints(store, since)
    if offices is None:
        offices = [calendars.load(name) for name in calendars.SHIPPED if name != "always"]
    with ExitStack() as tables:
        with diary.doing(f"gathered the messages of {days} days"):
            events = tables.enter_context(gathered(store, since, now))
        firsts = mine.starts_of(store, events, journey, since)
        starts = _starts(start or firsts[0][0])
        members = {_together(starts): starts} if len(starts) > 1 else {}
        with diary.doing("looked for things that journeys have several of"):
            thing = thing_of(store, events, journey, starts, since)
            if thing is not None:
                events = tables.enter_context(events_of(store, events, journey, starts, thing, now))
        begin = _together(starts)

        def cases_of(members: Mapping[str, Sequence[str]]) -> str:
            return tables.enter_context(mine.cases_of(store, events, journey, begin, since, now, members))

        with diary.doing("looked for alternatives"):
            cases = cases_of(members)
            count, activities = mine.activities_of(store, cases, now)
            both = mine.together(store, cases, activities, count, now)
            backs = {_taken_back_by(one) for one in starts}
            groups = alternatives([one for one in activities if one.name not in backs], both)
        with diary.doing("counted paths, delays and what comes after what"):
            if groups:
                members |= {name: group.members for name, group in groups.items()}
                cases = cases_of(members)
            observed = mine.observe(store, cases, journey, begin, since, now, firsts, members)
            kept = [one for one in observed.activities if one.name not in backs]
            kept.sort(key=lambda one: (one.p50, one.name))
            pairs = mine.pairs(store, cases, kept, observed.journeys)

            def by_office(activity: str, base: str) -> Office | None:
                return office(mine.moments(store, cases, activity, base, _MOMENTS), offices)

            def name(activity: Activity) -> str:
                return step_name(activity.name, observed, between)

            found = tuple(steps(observed, kept, groups, pairs, name, by_office))
        cancel = next((one for one in sorted(backs) if any(one == seen.name for seen in activities)), "")
        with diary.doing("judged journeys by the proposal"):
            text = yaml_of(observed, found, cancel, Share(0, 0), days, thing)
            covered = _coverage(store, text, observed, cases) if found else Share(0, 0)
    text = yaml_of(observed, found, cancel, covered, days, thing)
    return Proposal(observed, found, cancel, covered, text, thing, tuple(diary.lines))


def _coverage(store: Store, text: str, observed: Observed, cases: str) -> Share:
    """How many journeys follow a proposal, as the engine that would judge them says."""
    draft = define_text(text, "the proposal")
    one_in = max(1, observed.journeys // _JUDGED)
    with judged(store, draft, observed.since, observed.at, live=False, one_in=one_in) as verdicts:
        sql = load_sql(PACKAGE, "coverage.sql").replace("{{verdicts}}", verdicts)
        sql = sql.replace("{{cases}}", cases)
        ((counted, followed),) = store.query(sql, {"now": observed.at}).rows
    return Share(counted, followed)


def _starts(start: str) -> tuple[str, ...]:
    whats, _, interface = start.rpartition("@")
    return tuple(dict.fromkeys(f"{what.strip()}@{interface}" for what in whats.split(",")))


def _together(starts: Sequence[str]) -> str:
    interface = starts[0].rpartition("@")[2]
    return "|".join(start.rpartition("@")[0] for start in starts) + f"@{interface}"


def _taken_back_by(start: str) -> str:
    what, _, interface = start.rpartition("@")
    kind, _, event = what.partition("^")
    return f"{kind}^{_TAKEN_BACK[event]}@{interface}" if kind == "ADT" and event in _TAKEN_BACK else ""


def _endpoints(store: Store, since: datetime) -> dict[str, tuple[str, str]]:
    rows = store.query(load_sql(PACKAGE, "endpoints.sql"), {"since": since}).rows
    return {interface: (source, destination) for interface, source, destination in rows}
