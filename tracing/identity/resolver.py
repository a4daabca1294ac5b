"""Keeps the forest token -> journey: reads new links, resolves what they touch, writes what changed.

One loop of the core calls `step`. It holds no graph in memory and needs no history after a restart; running
it twice over the same links, in any order, changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from tracing.identity.feed import Feed, paged
from tracing.identity.forest import VISIT, Link, Place, resolve
from tracing.keys import SEARCH_ONLY
from tracing.store import Store, load_sql

_PACKAGE = "tracing.identity.sql"
_CHUNK = 5000


class Resolver:
    """Resolves journeys in `store`; the handle belongs to the calling thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._feed = Feed("identity", "key_pairs", "token, other, span_id")

    def step(self, now: datetime) -> int:
        """Work all links that are new; returns how many tokens changed their place.

        `now` is accepted as every loop's step does; which links exist does not depend on it. Raises
        StoreError; the step can then be called again.
        """
        blocks = self._feed.look(self._store)
        changed = 0
        for tokens in paged(self._store, load_sql(_PACKAGE, "new_tokens.sql"), blocks):
            changed += self._settle(tokens)
        self._feed.done(self._store, blocks)
        return changed

    def _settle(self, touched: list[str]) -> int:
        links, settled = self._surroundings(touched)
        visits = {link.token for link in links if link.kind == VISIT} | {
            link.other for link in links if link.other_kind == VISIT
        }
        several, doubtful = _ambiguous(links)
        places = resolve(links, self._first_seen(doubtful), self._named_at(several & settled))
        wanted = {token: places[token] for token in (settled | visits) if token in places}
        return self._write(wanted)

    def _surroundings(self, touched: list[str]) -> tuple[list[Link], set[str]]:
        """All links of the touched keys and of the groups they hang in, and the tokens these place.

        A visit is not walked through: it may have thousands of keys, and none of them moves because another
        came. A key that was seen with a visit ends the walk, unless it was touched itself: then the keys
        that hang on it may move.
        """
        links: set[Link] = set()
        settled: set[str] = set()
        known: set[str] = set()
        frontier = set(touched)
        walk = set(touched)
        while frontier:
            found = self._links(frontier)
            known |= frontier
            links |= set(found)
            anchored = {link.token for link in links if link.other_kind == VISIT}
            reached: set[str] = set()
            for link in found:
                if link.kind == VISIT:
                    continue
                if link.token in walk or link.token not in anchored:
                    settled.add(link.token)
                    if link.other_kind != VISIT:
                        reached.add(link.other)
            frontier = reached - known
        return list(links), settled

    def _links(self, tokens: Iterable[str]) -> list[Link]:
        # The links of a visit are not asked for: the other end of each has them as well.
        found: list[Link] = []
        for chunk in _chunks(tokens):
            rows = self._store.query(load_sql(_PACKAGE, "links.sql"), {"tokens": chunk}).rows
            found += [Link(*row) for row in rows if row[1] not in SEARCH_ONLY and row[3] not in SEARCH_ONLY]
        return found

    def _first_seen(self, visits: set[str]) -> dict[str, datetime]:
        seen: dict[str, datetime] = {}
        for chunk in _chunks(visits):
            seen.update(self._store.query(load_sql(_PACKAGE, "first_seen.sql"), {"tokens": chunk}).rows)
        return seen

    def _named_at(self, tokens: set[str]) -> dict[tuple[str, str], datetime]:
        # Asked of the spans, and only for keys with several visits, which are few. A span that says anything
        # new about such a key brings a link, too, so that the key is touched and asked about again.
        named: dict[tuple[str, str], datetime] = {}
        for chunk in _chunks(tokens):
            for token, visit, at in self._store.query(
                load_sql(_PACKAGE, "named_at.sql"), {"tokens": chunk}
            ).rows:
                named[token, visit] = at
        return named

    def _write(self, wanted: dict[str, Place]) -> int:
        current: dict[str, tuple[Place, int]] = {}
        for chunk in _chunks(wanted):
            for token, kind, journey, certainty, version in self._store.query(
                load_sql(_PACKAGE, "places.sql"), {"tokens": chunk}
            ).rows:
                current[token] = Place(kind, journey, certainty), version
        left, rows = [], []
        for token, place in wanted.items():
            before, version = current.get(token, (None, 0))
            if place == before:
                continue
            # A token without a row was its own journey until now.
            former = before.journey if before else token
            if former != place.journey:
                left.append((token, former))
            rows.append((token, place.kind, place.journey, place.certainty, version + 1))
        # Former journeys first: whoever sees a token's new place must find where it came from.
        self._store.insert("journey_former", ("token", "journey"), left)
        self._store.insert("journeys", ("token", "kind", "journey", "certainty", "version"), rows)
        return len(rows)


def _ambiguous(links: Iterable[Link]) -> tuple[set[str], set[str]]:
    """Keys with several visits, and the visits that have to be put in order for any key."""
    links = list(links)
    by_token: dict[str, set[str]] = {}
    for link in links:
        if link.other_kind == VISIT:
            by_token.setdefault(link.token, set()).add(link.other)
    several = {token for token, seen_with in by_token.items() if len(seen_with) > 1}
    if any(link.kind != VISIT and link.token not in by_token for link in links):
        return several, {visit for seen_with in by_token.values() for visit in seen_with}
    return several, {visit for token in several for visit in by_token[token]}


def _chunks(tokens: Iterable[str]) -> list[list[str]]:
    ordered = sorted(tokens)
    return [ordered[n : n + _CHUNK] for n in range(0, len(ordered), _CHUNK)]
