"""What journeys do after a start: activities, paths, delays, and what goes with what.

Called by slo.workflows.discover.propose. It counts in the store and keeps only counts here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from slo.workflows.backtest.scratch import scratch
from slo.workflows.discover.events import PACKAGE
from tracing.store import Store, load_sql

MOST_ACTIVITIES = 40
MOST_PATHS = 10
#: So rare that it is noise, whatever the workflow is.
_RARE = 0.02
#: Of more cases than these, pairs of activities are counted in one of so many.
_SAMPLE = 20_000


class NothingSeen(LookupError):
    """No journey of this kind, or none that begins like this, was seen in the time."""


@dataclass(frozen=True, slots=True)
class Share:
    """Of the journeys old enough to have had an activity, how many did."""

    old: int
    had: int

    @property
    def rate(self) -> float:
        """Between 0 and 1; 0 when nobody was old enough."""
        return self.had / self.old if self.old else 0.0


@dataclass(frozen=True, slots=True)
class Activity:
    """A message on an interface, `MESSAGE@INTERFACE`, as it follows a start. Delays are in seconds.

    `share` is that of all journeys, `by_tag` that of each value of each tag of the start message. spread:
    within how much time of each other the middle 80 of 100 happen.
    """

    name: str
    journeys: int
    p50: float
    p95: float
    repeated: int
    share: Share
    by_tag: Mapping[str, Mapping[str, Share]]
    spread: float = 0.0


@dataclass(frozen=True, slots=True)
class Path:
    """An order in which activities happened, in how many journeys, and one of them."""

    activities: tuple[str, ...]
    journeys: int
    example: str


@dataclass(frozen=True, slots=True)
class Follows:
    """`second` came next after `first`, so often and after so many seconds."""

    first: str
    second: str
    times: int
    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class Pair:
    """Of the cases that have both of two activities (`both` of one in `one_in`): how many in this order, and
    the delay between them in seconds."""

    both: int
    ordered: int
    p50: float
    p95: float
    spread: float
    one_in: int


@dataclass(frozen=True, slots=True)
class Observed:
    """What happened to the journeys that began with `start` from `since` to `at`.

    members: of activities that are told by one name together, what they are.
    """

    journey: str
    start: str
    since: datetime
    at: datetime
    journeys: int
    starts: tuple[tuple[str, int], ...]
    activities: tuple[Activity, ...]
    paths: tuple[Path, ...]
    paths_of: int
    follows: tuple[Follows, ...]
    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def activity(self, name: str) -> Activity:
        """The activity of a name."""
        return next(one for one in self.activities if one.name == name)


def starts_of(store: Store, events: str, journey: str, since: datetime) -> list[tuple[str, int]]:
    """What most journeys of a kind begin with, and how many. Raises NothingSeen, StoreError."""
    firsts = _ask(store, "firsts.sql", {"kind": journey}, table=events)
    if not firsts:
        raise NothingSeen(f"no {journey} was seen since {since:%Y-%m-%d}")
    return [(name, count) for name, count in firsts]


@contextmanager
def cases_of(
    store: Store,
    events: str,
    journey: str,
    start: str,
    since: datetime,
    now: datetime,
    members: Mapping[str, Sequence[str]],
) -> Iterator[str]:
    """The name of a table with a row for each journey that began with `start`. Raises StoreError."""
    renamed = [(old, new) for new, olds in members.items() for old in olds] or [("", "")]
    asked = {
        "kind": journey,
        "start": start,
        "since": since,
        "now": now,
        "from": [old for old, _ in renamed],
        "to": [new for _, new in renamed],
    }
    with scratch(store, load_sql(PACKAGE, "cases_table.sql"), now) as cases:
        insert = load_sql(PACKAGE, "insert_cases.sql").replace("{{cases}}", cases)
        store.command(insert.replace("{{table}}", events), asked)
        yield cases


def activities_of(store: Store, cases: str, now: datetime) -> tuple[int, list[Activity]]:
    """How many cases there are, and what they do. Raises StoreError."""
    ((journeys,),) = _ask(store, "count.sql", {"old": now}, cases=cases)
    found = [
        row
        for row in _ask(store, "activities.sql", {"limit": MOST_ACTIVITIES}, cases=cases)
        if row[1] >= max(2, _RARE * journeys)
    ]
    shares = _shares(store, cases, now, {act: p95 for act, _, _, p95, *_ in found})
    return journeys, [
        Activity(
            act, count, p50, p95, repeated, shares.get(act, {}).get("", {}).get("", Share(0, 0)),
            {tag: values for tag, values in shares.get(act, {}).items() if tag}, spread,
        )
        for act, count, p50, p95, spread, repeated in found
    ]  # fmt: skip


def together(
    store: Store, cases: str, activities: Sequence[Activity], journeys: int, now: datetime
) -> dict[tuple[str, str], tuple[int, int]]:
    """Of pairs of activities, in how many cases either and both happened. Raises StoreError."""
    if len(activities) < 2:
        return {}
    asked = {
        "acts": [one.name for one in activities],
        "waits": [one.p95 for one in activities],
        "now": now,
        "one_in": _one_in(journeys),
    }
    rows = _ask(store, "together.sql", asked, cases=cases)
    return {(first, second): (either, both) for first, second, either, both in rows}


def pairs(
    store: Store, cases: str, activities: Sequence[Activity], journeys: int
) -> dict[tuple[str, str], Pair]:
    """How soon activities follow each other, in the order they are given in. Raises StoreError."""
    one_in = _one_in(journeys)
    asked = {"acts": [one.name for one in activities], "one_in": one_in}
    rows = _ask(store, "pairs.sql", asked, cases=cases)
    return {
        (first, second): Pair(both, ordered, p50, p95, spread, one_in)
        for first, second, both, ordered, p50, p95, spread in rows
    }


def moments(store: Store, cases: str, activity: str, base: str, most: int) -> list[tuple[datetime, datetime]]:
    """When an activity happened in some cases, and what it is counted from. Raises StoreError."""
    rows = _ask(store, "moments.sql", {"act": activity, "base": base, "limit": most}, cases=cases)
    return [(begin, end) for begin, end in rows]


def observe(
    store: Store,
    cases: str,
    journey: str,
    start: str,
    since: datetime,
    now: datetime,
    starts: Sequence[tuple[str, int]],
    members: Mapping[str, tuple[str, ...]],
) -> Observed:
    """Everything counts show of the cases. Raises NothingSeen, StoreError."""
    journeys, activities = activities_of(store, cases, now)
    if not journeys:
        raise NothingSeen(
            f"no {journey} had {start} since {since:%Y-%m-%d}; they begin with "
            + ", ".join(name for name, _ in starts[:5])
        )
    names = [activity.name for activity in activities]
    oldest = now - timedelta(seconds=max((activity.p95 for activity in activities), default=0.0))
    asked = {"acts": names, "old": oldest, "limit": MOST_PATHS}
    # An item is told by its journey's name, too: the first word.
    paths = [
        Path(tuple(path), count, example.partition(" ")[0])
        for path, count, example in _ask(store, "paths.sql", asked, cases=cases)
    ]
    ((paths_of,),) = _ask(store, "count.sql", {"old": oldest}, cases=cases)
    follows = _ask(store, "follows.sql", {"acts": names, "limit": 3 * MOST_ACTIVITIES}, cases=cases)
    return Observed(
        journey=journey,
        start=start,
        since=since,
        at=now,
        journeys=journeys,
        starts=tuple(starts),
        activities=tuple(activities),
        paths=tuple(paths),
        paths_of=paths_of,
        follows=tuple(Follows(*row) for row in follows),
        members=members,
    )


def _one_in(journeys: int) -> int:
    return max(1, -(-journeys // _SAMPLE))


def _shares(
    store: Store, cases: str, now: datetime, waits: Mapping[str, float]
) -> dict[str, dict[str, dict[str, Share]]]:
    """By activity, tag and value; the tag "" is everything."""
    if not waits:
        return {}
    acts = list(waits)
    asked = {"now": now, "acts": acts, "waits": [waits[act] for act in acts]}
    found: dict[str, dict[str, dict[str, Share]]] = {}
    for tag, value, old, had in _ask(store, "shares.sql", asked, cases=cases):
        for n, act in enumerate(acts):
            found.setdefault(act, {}).setdefault(tag, {})[value] = Share(old[n], had[n])
    return found


def _ask(
    store: Store, name: str, asked: Mapping[str, Any], *, table: str = "", cases: str = ""
) -> list[tuple[Any, ...]]:
    text = load_sql(PACKAGE, name).replace("{{table}}", table).replace("{{cases}}", cases)
    return store.query(text, dict(asked)).rows
