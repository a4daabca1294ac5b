"""What journeys do after a start: activities, paths, delays, and which tag decides whether something happens.

Called by slo.workflows.discover.propose. It counts in the store and keeps only counts here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from slo.workflows.discover.events import PACKAGE
from tracing.store import Store, load_sql

MOST_ACTIVITIES = 40
MOST_PATHS = 10
#: So rare that it is noise, whatever the workflow is.
_RARE = 0.02


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

    `share` is that of all journeys, `by_tag` that of each value of each tag of the start message.
    """

    name: str
    journeys: int
    p50: float
    p95: float
    repeated: int
    share: Share
    by_tag: Mapping[str, Mapping[str, Share]]


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
class Observed:
    """What happened to the journeys that began with `start` from `since` to `at`."""

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


def mine(
    store: Store, table: str, journey: str, start: str | None, since: datetime, now: datetime
) -> Observed:
    """Count what the events in `table` show. Raises NothingSeen, StoreError."""
    firsts = _ask(store, "firsts.sql", table, {"kind": journey})
    if not firsts:
        raise NothingSeen(f"no {journey} was seen since {since:%Y-%m-%d}")
    start = start or firsts[0][0]
    asked = {"kind": journey, "start": start, "since": since, "now": now}
    found = _ask(store, "activities.sql", table, {**asked, "limit": MOST_ACTIVITIES})
    waits = {act: p95 for act, _, _, p95, _ in found}
    shares = _shares(store, table, asked, waits)
    # The start itself counts in every journey, whether it was ever answered or not.
    ((journeys,),) = _ask(store, "count.sql", table, asked)
    if not journeys:
        raise NothingSeen(
            f"no {journey} had {start} since {since:%Y-%m-%d}; they begin with "
            + ", ".join(name for name, _ in firsts[:5])
        )
    activities = tuple(
        Activity(
            act, count, p50, p95, repeated, shares.get(act, {}).get("", {}).get("", Share(0, 0)),
            {tag: values for tag, values in shares.get(act, {}).items() if tag},
        )
        for act, count, p50, p95, repeated in found
        if count >= max(2, _RARE * journeys)
    )  # fmt: skip
    names = [activity.name for activity in activities]
    oldest = now - timedelta(seconds=max((activity.p95 for activity in activities), default=0.0))
    paths = [
        Path(tuple(path), count, example)
        for path, count, example in _ask(
            store, "paths.sql", table, {**asked, "acts": names, "old": oldest, "limit": MOST_PATHS}
        )
    ]
    ((paths_of,),) = _ask(store, "count.sql", table, {**asked, "now": oldest})
    follows = _ask(store, "follows.sql", table, {**asked, "acts": names, "limit": 3 * MOST_ACTIVITIES})
    return Observed(
        journey=journey,
        start=start,
        since=since,
        at=now,
        journeys=journeys,
        starts=tuple((name, count) for name, count in firsts),
        activities=activities,
        paths=tuple(paths),
        paths_of=paths_of,
        follows=tuple(Follows(*row) for row in follows),
    )


def coverage(
    store: Store, table: str, observed: Observed, steps: Sequence[tuple[str, float, str, Sequence[str]]]
) -> Share:
    """How many journeys do every (activity, seconds, tag, values) in time. Raises StoreError."""
    asked = {
        "kind": observed.journey,
        "start": observed.start,
        "since": observed.since,
        "now": observed.at,
        "steps": [step[0] for step in steps],
        "within": [step[1] for step in steps],
        "tags": [step[2] for step in steps],
        "values": [list(step[3]) for step in steps],
    }
    ((counted, followed),) = _ask(store, "coverage.sql", table, asked)
    return Share(counted, followed)


def _shares(
    store: Store, table: str, asked: Mapping[str, Any], waits: Mapping[str, float]
) -> dict[str, dict[str, dict[str, Share]]]:
    """By activity, tag and value; the tag "" is everything."""
    if not waits:
        return {}
    acts = list(waits)
    rows = _ask(store, "shares.sql", table, {**asked, "acts": acts, "waits": [waits[act] for act in acts]})
    found: dict[str, dict[str, dict[str, Share]]] = {}
    for tag, value, old, had in rows:
        for n, act in enumerate(acts):
            found.setdefault(act, {}).setdefault(tag, {})[value] = Share(old[n], had[n])
    return found


def _ask(store: Store, name: str, table: str, asked: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    text = load_sql(PACKAGE, name).replace("{{cases}}", load_sql(PACKAGE, "cases.sql").rstrip())
    return store.query(text.replace("{{table}}", table), asked).rows
