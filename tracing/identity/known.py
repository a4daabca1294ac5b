"""What the store knows of keys, each asked for once: links, patients, events, doubts, where they belong.

Used by the gatherer and the writer of one step. It reads key_facts, in which all of this stands under one
number of a key; it must never be kept for another step, as others write, too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from tracing.identity.events import Event
from tracing.identity.model import BEGINNING, NEVER, Era, Link, Place
from tracing.identity.people import Sighting
from tracing.store import Store, load_sql

_PACKAGE = "tracing.identity.sql"
_CHUNK = 5000


def rows_of(store: Store, sql: str, tokens: Iterable[str]) -> list[tuple[Any, ...]]:
    """What a query of this package answers for `tokens`, asked in parts that an address has room for."""
    ordered = sorted(tokens)
    rows: list[tuple[Any, ...]] = []
    for start in range(0, len(ordered), _CHUNK):
        rows += store.query(load_sql(_PACKAGE, sql), {"tokens": ordered[start : start + _CHUNK]}).rows
    return rows


class Raised(NamedTuple):
    """A collision as it stands in the store."""

    kind: str
    evidence: tuple[str, ...]
    raised_at: datetime
    cleared_at: datetime
    version: int


class Known:
    """links, sightings, events and places (each with its version) of the keys that were loaded, by key.

    doubtful: by visit, keys that were doubtful for it. collisions: by key, those that the resolver raised, by
    why. waiting: patients of whom there are messages that name nothing better.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._asked: set[str] = set()
        self.links: dict[str, list[Link]] = defaultdict(list)
        self.sightings: dict[str, list[Sighting]] = defaultdict(list)
        self.places: dict[str, tuple[Place, int]] = {}
        self.events: dict[str, list[Event]] = defaultdict(list)
        self.doubtful: dict[str, set[str]] = defaultdict(set)
        self.collisions: dict[str, dict[str, Raised]] = defaultdict(dict)
        self.waiting: set[str] = set()

    def load(self, tokens: Iterable[str], visits: Iterable[str] = ()) -> None:
        """Load what is not there yet of `tokens`, with the links of those that may be `visits`."""
        names = set(tokens) | {f"visit{token}" for token in visits}
        names -= self._asked
        self._asked |= names
        seen: dict[tuple[str, str], _Seen] = defaultdict(_Seen)
        for fact, first, last, newest in rows_of(self._store, "facts.sql", names):
            what, rest = fact[0], fact[2:]
            if what == "l":
                token, kind, other, other_kind, patient, interface = rest.split(",", 5)
                link = Link(token, kind, other, other_kind, interface, patient, first, last)
                self.links[token].append(link)
            elif what == "s":
                key, kind, patient, authority = rest.split(",", 3)
                seen[key, patient].add(kind, authority, first, last)
            elif what == "t":
                key, patient, other = rest.split(",", 2)
                seen[key, patient].together.add(other)
            elif what == "p":
                self.places[rest] = _place(newest)
            else:
                self._take(what, rest, newest)
        for (key, patient), one in seen.items():
            together = frozenset(one.together)
            self.sightings[key].append(
                Sighting(patient, one.authority, key, one.kind, one.first, one.last, together)
            )

    def _take(self, what: str, rest: str, newest: str) -> None:
        """What few keys have."""
        if what == "m":
            self.waiting.add(rest)
            return
        token, other = rest.split(",", 1)
        if what == "d":
            self.doubtful[token].add(other)
        elif what == "c":
            version, kind, raised, cleared, evidence = newest.split(",", 4)
            self.collisions[token][other] = Raised(
                kind, tuple(evidence.split(" ")) if evidence else (), _at(raised), _at(cleared), int(version)
            )
        else:
            at, event, *parts = newest.split(",")
            if event != "cancel":
                self.events[token].append(Event(other, _at(at), event, *parts))


@dataclass(slots=True)
class _Seen:
    kind: str = ""
    authority: str = ""
    first: datetime = NEVER
    last: datetime = BEGINNING
    together: set[str] = field(default_factory=set)

    def add(self, kind: str, authority: str, first: datetime, last: datetime) -> None:
        self.kind = kind
        self.authority = max(self.authority, authority)
        self.first, self.last = min(self.first, first), max(self.last, last)


def _place(newest: str) -> tuple[Place, int]:
    version, kind, journey, certainty, basis, eras = newest.split(",", 5)
    return Place(kind, journey, certainty, basis, _eras(eras) if eras else ()), int(version)


def _at(milliseconds: str) -> datetime:
    return BEGINNING + timedelta(milliseconds=int(milliseconds))


def _eras(text: str) -> tuple[Era, ...]:
    found = []
    for one in text.split(";"):
        patient, since, journey = one.split(" ")
        found.append(Era(patient, _at(since), journey))
    return tuple(found)
