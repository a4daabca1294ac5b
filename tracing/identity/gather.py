"""Gathers the facts that some touched keys need, and no others, from the store.

Called by the resolver, a gatherer for each page of touched keys. It must never load a graph: it walks from
what was touched, and stops at keys that a visit was seen with.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Set

from tracing.identity.events import Event, in_force
from tracing.identity.known import Known, rows_of
from tracing.identity.model import VISIT, Link
from tracing.identity.people import Seen, Sighting
from tracing.keys import SEARCH_ONLY
from tracing.store import Store


class Gatherer:
    """Collects `links`, `said` (events) and `sightings`; each method asks only for what is not there yet."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.known = Known(store)
        self.links: set[Link] = set()
        self.said: set[Event] = set()
        self.sightings: list[Sighting] = []
        self._asked_events: set[str] = set()
        self._asked_links: set[str] = set()
        self._asked_seen: set[str] = set()

    def aliases(self, linked: bool = True) -> dict[str, frozenset[str]]:
        """Which of the keys asked about are one with others; `linked`: patients who were linked, too."""
        return in_force(self.said).groups(linked)

    def void(self) -> frozenset[tuple[str, str]]:
        """Links that moves made void."""
        return in_force(self.said).void

    def released(self) -> frozenset[str]:
        """Keys that persons released."""
        return in_force(self.said).released

    def events(self, tokens: Iterable[str]) -> set[str]:
        """Load what was said of `tokens` and of those that it leads to; returns all tokens concerned."""
        concerned: set[str] = set()
        frontier = set(tokens) - self._asked_events
        while frontier:
            self._asked_events |= frontier
            self.known.load(frontier)
            found = {event for token in frontier for event in self.known.events.get(token, ())}
            self.said |= found
            reached = {
                token
                for event in found
                for token in (event.from_token, event.to_token, event.subject_token)
                if token
            }
            concerned |= reached
            frontier = reached - self._asked_events
        return concerned

    def surroundings(self, touched: Iterable[str], plain: Set[str] = frozenset()) -> set[str]:
        """Load all links of the touched keys and of the groups they hang in; returns the keys these place.

        A visit is not walked through: it may have thousands of keys, and none of them moves because another
        came. A key that was seen with a visit ends the walk, unless it was touched itself: then the keys
        that hang on it may move. plain: those of the touched keys that surely are no visits.
        """
        settled: set[str] = set()
        walk = set(touched)
        frontier = set(walk)
        while frontier:
            found = [*self._links_of(frontier - plain), *self._links_of(frontier & plain, plain=True)]
            void = self.void()
            anchored = {
                link.token
                for link in found
                if link.other_kind == VISIT and (link.other, link.token) not in void
            }
            reached: set[str] = set()
            for link in found:
                if link.kind == VISIT:
                    continue
                if link.token in walk or link.token not in anchored:
                    settled.add(link.token)
                    if link.other_kind != VISIT:
                        reached.add(link.other)
            frontier = reached - self._asked_links
            plain = frontier
        return settled

    def alone(self, keys: Iterable[str]) -> dict[str, str]:
        """Those of `keys` that have patients and no link to another key, each with its kind."""
        linked = {link.token for link in self.links}
        return {
            one.key: one.key_kind
            for one in self.sightings
            if one.key in keys and one.key not in linked and one.key_kind != VISIT
        }

    def complete(self, visits: Iterable[str]) -> set[str]:
        """Load what placing the gathered keys needs besides links; returns all visits that were gathered.

        These are events of the keys and visits, the patients seen with them, and what was said of those.
        """
        found = set(visits)
        found |= {link.other for link in self.links if link.other_kind == VISIT}
        keys = {link.token for link in self.links}
        self.known.load(found | keys)
        self.events(found)
        found |= self._said_visits()
        self._see(found | keys)
        patients = {one.patient for one in self.sightings}
        self.events(patients)
        # What went along when something was moved from one patient to another.
        self._links_of({one.subject_token for one in self.said if one.subject_token})
        return found

    def unusual(self, sighted: Iterable[str]) -> tuple[set[str], set[str]]:
        """Of keys and visits that a patient was seen with: the visits that need a place, and keys to settle.

        An ordinary visit has one patient and is placed with its keys. Others are those of which something was
        said, that two patients were seen with, or that have been split before.
        """
        tokens = set(sighted)
        self.known.load(tokens)
        keys = {key for token in tokens for key in self.known.doubtful.get(token, ())}
        self.events(tokens)
        said = {
            token
            for event in self.said
            for token in (event.from_token, event.to_token, event.subject_token)
            if token
        }
        self._see(tokens)
        patients: dict[str, set[str]] = defaultdict(set)
        kinds: dict[str, str] = {}
        for one in self.sightings:
            patients[one.key].add(one.patient)
            kinds[one.key] = one.key_kind
        keys |= {token for token in tokens if kinds.get(token, VISIT) != VISIT}
        split = {token for token in tokens if self._is_odd(token)}
        several = {token for token in tokens if len(patients[token]) > 1}
        # First: it may load more of what was said.
        chosen = said | split | self._contradicting(several)
        said_visits = self._said_visits()
        visits = {token for token in chosen if kinds.get(token) == VISIT or token in said_visits}
        keys |= said - visits - patients_of(self.sightings)
        for link in self._links_of(visits):
            if link.other_kind != VISIT:
                keys.add(link.other)
        return visits, keys

    def seen_of(self, patients: Iterable[str]) -> list[Sighting]:
        """What some patients were seen with; `together` and the authority are left out."""
        return [
            Sighting(token, "", other, kind, first, last)
            for token, other, kind, first, last in rows_of(self._store, "seen_of.sql", set(patients))
        ]

    def unplaced(self, patients: Iterable[str]) -> set[str]:
        """Those of `patients` of whom there are messages that name nothing better."""
        asked = set(patients)
        self.known.load(asked)
        return asked & self.known.waiting

    def _is_odd(self, token: str) -> bool:
        """Whether a key has several journeys, or is a visit within another."""
        if token not in self.known.places:
            return False
        place, _ = self.known.places[token]
        return bool(place.eras) or (place.kind == VISIT and place.journey != token)

    def _said_visits(self) -> set[str]:
        """Visits of which something was said."""
        found = set()
        for event in self.said:
            ends = ((event.from_kind, event.from_token), (event.to_kind, event.to_token))
            found |= {token for kind, token in ends if kind == VISIT and token}
            if event.level == VISIT and event.subject_token:
                found.add(event.subject_token)
        return found

    def _contradicting(self, keys: set[str]) -> set[str]:
        """Keys whose patients are surely several, or were until something was said of them."""
        if not keys:
            return set()
        mine = [one for one in self.sightings if one.key in keys]
        self.events({one.patient for one in mine})
        by_key: dict[str, list[Sighting]] = defaultdict(list)
        for one in self.sightings:
            if one.key in keys:
                by_key[one.key].append(one)
        aliases = self.aliases()
        return {key for key, seen in by_key.items() if len(Seen(tuple(seen), aliases).patients()) > 1}

    def _links_of(self, tokens: Iterable[str], plain: bool = False) -> list[Link]:
        """The links of keys that were not asked for before; plain: none of them is a visit."""
        asked = set(tokens) - self._asked_links
        self._asked_links |= asked
        self.known.load(asked, visits=() if plain else asked)
        found = [
            link
            for token in asked
            for link in self.known.links.get(token, ())
            if link.kind not in SEARCH_ONLY and link.other_kind not in SEARCH_ONLY
        ]
        self.events(asked)
        for event in in_force(
            one for one in self.said if one.from_token in asked or one.to_token in asked
        ).aliases.values():
            for token, kind, other, other_kind in (
                (event.from_token, event.from_kind, event.to_token, event.to_kind),
                (event.to_token, event.to_kind, event.from_token, event.from_kind),
            ):
                if token in asked and VISIT not in (kind, other_kind) and kind not in SEARCH_ONLY:
                    found.append(Link(token, kind, other, other_kind))
        self.links |= set(found)
        return found

    def _see(self, keys: Iterable[str]) -> None:
        asked = set(keys) - self._asked_seen
        self._asked_seen |= asked
        self.known.load(asked)
        for key in sorted(asked):
            self.sightings += self.known.sightings.get(key, ())


def patients_of(sightings: Iterable[Sighting]) -> set[str]:
    """The numbers of patients in `sightings`."""
    return {one.patient for one in sightings}
