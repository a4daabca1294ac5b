"""Keeps the forest token -> journey: reads what is new, resolves what it touches, writes what changed.

One loop of the core calls `step`. It holds no graph in memory and needs no history after a restart; running
it twice over the same facts, in any order, changes nothing, and two of them at once end in the same places.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import zip_longest

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
        self._facts = Feed("identity", "key_facts", "fact, first, last", "NOT startsWith(fact, 'p')")
        self._sightings = Feed("identity/patients", "key_sightings", "token, other, first, last, together")
        self._events = Feed("identity/events", "identity_events", "token, event_id")
        self._writer = Writer(store)

    def step(self, now: datetime) -> int:
        """Work all that is new; returns how many tokens changed their place.

        `now` dates what is written; which places there are does not depend on it. Raises StoreError; the step
        can then be called again.
        """
        facts = self._facts.look(self._store)
        sightings = self._sightings.look(self._store)
        events = self._events.look(self._store)
        changed = 0
        # A page of each at a time: mostly there is one of each, about the same messages.
        for names, said, patients in zip_longest(
            self._pages("new_facts.sql", facts),
            self._pages("new_events.sql", events),
            self._pages("new_patients.sql", sightings),
            fillvalue=(),
        ):
            news: dict[str, set[str]] = {"l": set(), "s": set()}
            for name in names:
                token, _, what = name.rpartition(",")
                news[what].add(token)
            changed += self._settle(news["l"], news["s"], set(said), set(patients), now)
        self._facts.done(self._store, facts)
        self._sightings.done(self._store, sightings)
        self._events.done(self._store, events)
        return changed

    def _pages(self, sql: str, blocks: dict[datetime, int]) -> Iterator[list[str]]:
        return paged(self._store, load_sql(_PACKAGE, sql), blocks)

    def _settle(
        self, touched: set[str], sighted: set[str], said: set[str], patients: set[str], now: datetime
    ) -> int:
        """Settle keys that were linked, and what may move because of other news.

        touched: keys with new links; sighted: keys and visits that patients were seen with; said: keys of
        which something was said; patients: those who were seen.
        """
        gather = Gatherer(self._store)
        linked = frozenset(touched)
        gather.known.load(linked | sighted)
        if said:
            concerned = gather.events(said) | said
            seen = gather.seen_of(concerned)
            sighted = sighted | concerned | {one.key for one in seen if one.key_kind != MESSAGE}
            patients = patients | {one.patient for one in seen}
            self._writer.blanks(said, gather.released(), now)
        visits: set[str] = set()
        if sighted:
            visits, also = gather.unusual(sighted)
            touched = touched | also
        settled = gather.surroundings(touched, linked)
        visits |= gather.complete(visits)
        alone = gather.alone(touched)
        facts = Facts(gather.links, gather.said, gather.sightings, dict.fromkeys(visits, VISIT) | alone)
        result = resolve(facts, self._rules)
        settled |= visits | alone.keys()
        wanted = {token: result.places[token] for token in settled if token in result.places}
        self._writer.doubtful({token: found for token, found in result.doubtful.items() if token in wanted})
        # Collisions first: who sees that a key joins nothing must be able to see why.
        self._writer.collisions([one for one in result.collisions if one.token in wanted], set(wanted), now)
        changed = self._writer.places(wanted, now, gather.known, alone.keys())
        return changed + self._settle_messages(gather, patients, now)

    def _settle_messages(self, gather: Gatherer, patients: set[str], now: datetime) -> int:
        """Messages of these patients that name nothing better than a patient."""
        gather.events(patients)
        aliases = gather.aliases(linked=False)
        people = gather.unplaced({number for one in patients for number in (one, *aliases.get(one, ()))})
        if not people:
            return 0
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
        return self._writer.places(found, now, gather.known, found.keys())
