"""Keeps the forest token -> journey: reads what is new, resolves what it touches, writes what changed.

One loop of the core calls `step`. It holds no graph in memory and needs no history after a restart; running
it twice over the same facts, in any order, changes nothing, and two of them at once end in the same places.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from tracing.identity.feed import Feed, paged
from tracing.identity.forest import resolve
from tracing.identity.gather import Gatherer
from tracing.identity.messages import place_messages
from tracing.identity.model import MESSAGE, VISIT, Facts
from tracing.identity.rules import Rules
from tracing.identity.write import Writer
from tracing.store import Store, load_sql

_PACKAGE = "tracing.identity.sql"


class Resolver:
    """Resolves journeys in `store`; the handle belongs to the calling thread."""

    def __init__(self, store: Store, rules: Rules | None = None) -> None:
        self._store = store
        self._rules = rules or Rules()
        self._links = Feed("identity", "key_links", "token, other, interface, patient, first, last")
        self._sightings = Feed("identity/patients", "key_sightings", "token, other, first, last, together")
        self._events = Feed("identity/events", "identity_events", "token, event_id")
        self._writer = Writer(store)

    def step(self, now: datetime) -> int:
        """Work all that is new; returns how many tokens changed their place.

        `now` dates what is written; which places there are does not depend on it. Raises StoreError; the step
        can then be called again.
        """
        links = self._links.look(self._store)
        sightings = self._sightings.look(self._store)
        events = self._events.look(self._store)
        changed = 0
        for tokens in self._pages("new_tokens.sql", links):
            changed += self._settle(tokens, (), now)
        for tokens in self._pages("new_sighted.sql", sightings):
            changed += self._settle((), tokens, now)
        for tokens in self._pages("new_events.sql", events):
            changed += self._settle_events(tokens, now)
        for patients in self._pages("new_patients.sql", sightings):
            changed += self._settle_messages(patients, now)
        self._links.done(self._store, links)
        self._sightings.done(self._store, sightings)
        self._events.done(self._store, events)
        return changed

    def _pages(self, sql: str, blocks: dict[datetime, int]) -> Iterator[list[str]]:
        return paged(self._store, load_sql(_PACKAGE, sql), blocks)

    def _settle_events(self, tokens: Iterable[str], now: datetime) -> int:
        """Keys of which something was said, and everything that patients among them were seen with."""
        gather = Gatherer(self._store)
        concerned = gather.events(tokens)
        seen = gather.seen_of(concerned)
        keys = {one.key for one in seen if one.key_kind != MESSAGE}
        changed = self._settle((), concerned | keys, now)
        return changed + self._settle_messages({one.patient for one in seen}, now)

    def _settle(self, keys: Iterable[str], sighted: Iterable[str], now: datetime) -> int:
        """Settle `keys`, and whatever of `sighted` (keys and visits) what was seen with them may move."""
        gather = Gatherer(self._store)
        touched = set(keys)
        visits: set[str] = set()
        if sighted := set(sighted):
            visits, also = gather.unusual(sighted)
            touched |= also
        settled = gather.surroundings(touched)
        visits |= gather.complete(visits)
        alone = gather.alone(touched)
        facts = Facts(gather.links, gather.said, gather.sightings, dict.fromkeys(visits, VISIT) | alone)
        result = resolve(facts, self._rules)
        settled |= visits | alone.keys()
        wanted = {token: result.places[token] for token in settled if token in result.places}
        self._writer.doubtful({token: found for token, found in result.doubtful.items() if token in wanted})
        # Collisions first: who sees that a key joins nothing must be able to see why.
        self._writer.collisions([one for one in result.collisions if one.token in wanted], set(wanted), now)
        return self._writer.places(wanted, now, alone.keys())

    def _settle_messages(self, patients: Iterable[str], now: datetime) -> int:
        """Messages of these patients that name nothing better than a patient."""
        gather = Gatherer(self._store)
        people = set(patients) | gather.events(patients)
        people = gather.unplaced(people)
        if not people:
            return 0
        aliases = gather.aliases(linked=False)
        people |= {number for one in people for number in aliases.get(one, ())}
        seen = gather.seen_of(people)
        messages = [one for one in seen if one.key_kind == MESSAGE]
        visits = [one for one in seen if one.key_kind == VISIT]
        concerned = {one.key for one in visits}
        concerned |= gather.complete(concerned)
        void = gather.void()
        visits = [one for one in visits if (one.key, one.patient) not in void]
        facts = Facts(gather.links, gather.said, gather.sightings, dict.fromkeys(concerned, VISIT))
        places = resolve(facts, self._rules).places
        found = place_messages(messages, visits, places, gather.aliases(linked=False), self._rules)
        return self._writer.places(found, now, found.keys())
