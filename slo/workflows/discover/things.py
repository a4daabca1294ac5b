"""Whether journeys have several of the things that starts name (orders, implants), and the events of each.

Called by slo.workflows.discover.propose. An instance for each is proposed where start messages name one, and
many journeys have several of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from slo.workflows.backtest.scratch import scratch
from slo.workflows.discover.events import PACKAGE
from slo.workflows.model import ITEMS
from slo.workflows.sql_text import fill, without_comments
from tracing.keys import SEARCH_ONLY
from tracing.store import Store, load_sql

#: Starts that name no thing, and journeys with one thing only, are let pass up to here.
_NAMED, _SEVERAL = 0.8, 0.1
#: A message that names no thing belongs to things when journeys without any hardly ever have it.
_WITH, _WITHOUT = 0.2, 0.1
_ENOUGH = 10


@dataclass(frozen=True, slots=True)
class Thing:
    """A kind of thing of which `several` of `journeys` have more than one.

    shared: messages that name none and are about all of a journey's; others: those that have nothing to do
    with them, as journeys without any have them, too.
    """

    kind: str
    journeys: int
    several: int
    shared: tuple[str, ...]
    others: tuple[str, ...]


def thing_of(store: Store, events: str, journey: str, starts: Sequence[str], since: datetime) -> Thing | None:
    """The thing to have an instance for each of; None where the journey's will do. Raises StoreError."""
    asked = {"starts": list(starts), "since": since, "kind": journey}
    ((journeys,),) = _ask(store, "started.sql", events, asked)
    rows = _ask(store, "items_of_start.sql", events, asked)
    known = {
        kind: (named_again, several, its)
        for kind, its, several, named_again in rows
        if kind not in SEARCH_ONLY and kind != journey and several >= max(2, _SEVERAL * its)
        if its >= _NAMED * journeys
    }
    if not known:
        return None
    kind = max(known, key=lambda kind: (*known[kind][:2], -ITEMS.index(kind)))
    _, several, its = known[kind]
    shared, others = _shared(store, events, journey, kind)
    return Thing(kind, its, several, shared, others)


@contextmanager
def events_of(
    store: Store, events: str, journey: str, starts: Sequence[str], thing: Thing, now: datetime
) -> Iterator[str]:
    """The name of a table of events in which each thing stands for a journey. Raises StoreError."""
    items = without_comments(fill("items.sql", whose="journey", journey_scope="", key_scope="")).strip()
    insert = load_sql(PACKAGE, "insert_items.sql").replace("{{items}}", items.rstrip(","))
    with scratch(store, load_sql(PACKAGE, "events_table.sql"), now) as table:
        asked = {
            "thing": thing.kind,
            "kind": journey,
            "starts": list(starts),
            "shared": list(thing.shared),
        }
        store.command(insert.replace("{{into}}", table).replace("{{table}}", events), asked)
        yield table


def _shared(store: Store, events: str, journey: str, kind: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    asked = {"thing": kind, "kind": journey}
    ((having, without),) = _ask(store, "things.sql", events, asked)
    shared: list[str] = []
    others: list[str] = []
    for activity, its, elsewhere in sorted(_ask(store, "specific.sql", events, asked)):
        if not having or its < _WITH * having:
            continue
        rare = without < _ENOUGH or elsewhere <= _WITHOUT * without
        (shared if rare else others).append(activity)
    return tuple(shared), tuple(others)


def _ask(store: Store, name: str, events: str, asked: dict[str, Any]) -> list[tuple[Any, ...]]:
    return store.query(load_sql(PACKAGE, name).replace("{{table}}", events), asked).rows
