"""Keeps the forest token -> journey: reads what is new, resolves what it touches, writes what changed.

One loop of the core calls `step`. It holds no graph in memory and needs no history after a restart; running
it twice over the same facts, in any order, changes nothing, and two of them at once end in the same places.
What a step costs is mostly looking keys up, so it first asks at once for all that the news name.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass
from datetime import datetime

from tracing.identity.feed import Feed, paged
from tracing.identity.forest import resolve
from tracing.identity.gather import Gatherer
from tracing.identity.messages import place_messages
from tracing.identity.model import MESSAGE, VISIT, Facts
from tracing.identity.rules import Rules
from tracing.identity.turn import Turn
from tracing.identity.write import Writer
from tracing.keys import SEARCH_ONLY
from tracing.store import Store, load_sql

_PACKAGE = "tracing.identity.sql"
_READER = "identity"
# Facts in a page: some thousands of messages. Larger ones cost less each, and all of it is in memory.
_PAGE = 16_000


@dataclass(frozen=True, slots=True)
class _News:
    """What some new facts are about.

    linked: keys with new links; ends: the keys at their other ends; sighted: keys and visits that patients
    were seen with; patients: those who were seen; said: keys of which something was said.
    """

    linked: frozenset[str]
    ends: frozenset[str]
    sighted: frozenset[str]
    patients: frozenset[str]
    said: frozenset[str]

    @classmethod
    def of(cls, facts: Iterable[str]) -> _News:
        """The news in facts as key_news names them."""
        linked, ends, sighted, patients, said = set(), set(), set(), set(), set()
        for fact in facts:
            what, token, kind, *rest = fact.split(",", 5)
            if what == "l":
                linked.add(token)
                if rest[1] not in SEARCH_ONLY:
                    ends.add(rest[0])
            elif what == "s":
                patients.add(rest[0])
                if kind != MESSAGE:
                    sighted.add(token)
            else:
                said.add(token)
        return cls(*map(frozenset, (linked, ends, sighted, patients, said)))

    @property
    def keys(self) -> frozenset[str]:
        """All that will be asked for."""
        return self.linked | self.ends | self.sighted | self.patients | self.said


class Resolver:
    """Resolves journeys in `store`; the handle belongs to the calling thread.

    shares: whether it stands by while another resolver works; otherwise both work all that is new, which does
    no harm, and costs twice.
    """

    def __init__(self, store: Store, rules: Rules | None = None, *, shares: bool = False) -> None:
        self._store = store
        self._rules = rules or Rules()
        self._news = Feed(_READER, "key_news", remembers=True)
        self._turn = Turn(store, _READER) if shares else None
        self._fresh = True
        self._writer = Writer(store)

    def step(self, now: datetime) -> int:
        """Work all that is new; returns how many tokens changed their place.

        `now` dates what is written; which places there are does not depend on it. Raises StoreError; the step
        can then be called again.
        """
        if self._turn is not None and not self._turn.mine():
            self._news.forget()
            self._fresh = True
            return 0
        if self._fresh:
            since = self._news.since(self._store)
            self._store.command(load_sql(_PACKAGE, "old_news.sql"), {"since": since})
            self._fresh = False
        blocks = self._news.look(self._store)
        changed = 0
        for rows in paged(self._store, load_sql(_PACKAGE, "news.sql"), blocks, _PAGE):
            changed += self._settle(_News.of(fact for (fact,) in rows), now)
        self._news.done(self._store, blocks)
        return changed

    def _settle(self, news: _News, now: datetime) -> int:
        """Settle keys that were linked, and what may move because of other news."""
        gather = Gatherer(self._store)
        gather.known.load(news.keys)
        touched, sighted, patients = news.linked, news.sighted, news.patients
        if news.said:
            concerned = gather.events(news.said) | news.said
            seen = gather.seen_of(concerned)
            sighted |= concerned | {one.key for one in seen if one.key_kind != MESSAGE}
            patients |= {one.patient for one in seen}
            self._writer.blanks(news.said, gather.released(), now)
        visits: set[str] = set()
        if sighted:
            visits, also = gather.unusual(sighted)
            touched |= also
        settled = gather.surroundings(touched, news.linked)
        visits |= gather.complete(visits)
        alone = gather.alone(touched)
        facts = Facts(gather.links, gather.said, gather.sightings, dict.fromkeys(visits, VISIT) | alone)
        result = resolve(facts, self._rules)
        settled |= visits | alone.keys()
        wanted = {token: result.places[token] for token in settled if token in result.places}
        doubtful = {token: found for token, found in result.doubtful.items() if token in wanted}
        self._writer.doubtful(doubtful, gather.known)
        # Collisions first: who sees that a key joins nothing must be able to see why.
        collisions = [one for one in result.collisions if one.token in wanted]
        self._writer.collisions(collisions, set(wanted), now, gather.known)
        changed = self._writer.places(wanted, now, gather.known, alone.keys())
        return changed + self._settle_messages(gather, patients, now)

    def _settle_messages(self, gather: Gatherer, patients: Set[str], now: datetime) -> int:
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
