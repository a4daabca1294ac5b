"""The rule by which keys belong to journeys: a pure function of links, with no store and no clock.

Called by the resolver with the part of the graph that new links touch. A visit is the root of its journey and
is never joined with another. A key that was seen with one visit belongs to it for certain. Seen with several,
it belongs, probably, to the one that its own source named last: the interface which carried the key first is
the nearest to whoever assigns it, and a wrong visit number further down the road must not win. Keys that no
visit was seen with hang together: the group belongs to the visit its neighbours were seen with (probably the
latest, if there are several), and while there is none, to its best key.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from tracing.keys import SEARCH_ONLY, priority

VISIT = "visit"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Link(NamedTuple):
    """Two keys that one message carried."""

    token: str
    kind: str
    other: str
    other_kind: str


class Place(NamedTuple):
    """Where a token belongs: `certainty` is certain or probable."""

    kind: str
    journey: str
    certainty: str


def resolve(
    links: Iterable[Link],
    first_seen: Mapping[str, datetime],
    named_at: Mapping[tuple[str, str], datetime] | None = None,
) -> dict[str, Place]:
    """The place of every token in `links`.

    Where a key has several visits, `named_at` (key and visit -> when the key's source last named that visit)
    decides, then `first_seen` (visit -> when it was first seen), then the token: the latest wins. Links may
    come in any order, repeated, in one direction or both; keys for search only are ignored.
    """
    kinds: dict[str, str] = {}
    near: dict[str, set[str]] = defaultdict(set)
    for token, kind, other, other_kind in links:
        if token == other or kind in SEARCH_ONLY or other_kind in SEARCH_ONLY:
            continue
        for name, its in ((token, kind), (other, other_kind)):
            # One token has one kind; should two claim it, the better wins whatever came first.
            if name not in kinds or (priority(its), its) < (priority(kinds[name]), kinds[name]):
                kinds[name] = its
        near[token].add(other)
        near[other].add(token)

    visits = {
        token: {other for other in others if kinds[other] == VISIT}
        for token, others in near.items()
        if kinds[token] != VISIT
    }
    places = {token: Place(VISIT, token, "certain") for token, kind in kinds.items() if kind == VISIT}
    for token, seen_with in visits.items():
        if seen_with:
            named = {visit: (named_at or {}).get((token, visit), _EPOCH) for visit in seen_with}
            places[token] = _among(kinds[token], named, first_seen)
    for group in _floating(near, visits):
        around = {
            visit: _EPOCH for token in group for other in near[token] for visit in visits.get(other, ())
        }
        root = min(group, key=lambda token: (priority(kinds[token]), token))
        for token in group:
            places[token] = (
                _among(kinds[token], around, first_seen) if around else Place(kinds[token], root, "certain")
            )
    return places


def _among(kind: str, visits: Mapping[str, datetime], first_seen: Mapping[str, datetime]) -> Place:
    """The place of a key with these visits, each with the time at which the key's source last named it."""
    if len(visits) == 1:
        return Place(kind, next(iter(visits)), "certain")
    chosen = max(visits, key=lambda visit: (visits[visit], first_seen.get(visit, _EPOCH), visit))
    return Place(kind, chosen, "probable")


def _floating(near: Mapping[str, set[str]], visits: Mapping[str, set[str]]) -> list[list[str]]:
    """Groups of keys that hang together without passing through a key that was seen with a visit."""
    left = {token for token, seen_with in visits.items() if not seen_with}
    groups = []
    while left:
        open_tokens = [left.pop()]
        group = []
        while open_tokens:
            token = open_tokens.pop()
            group.append(token)
            reached = near[token] & left
            left -= reached
            open_tokens += reached
        groups.append(group)
    return groups
