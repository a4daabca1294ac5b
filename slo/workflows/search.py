"""From tokens to journeys: every journey that some keys, traces or messages lead to, and what that rests on.

Called by the search box, the REST API and `caretrail where` through slo.workflows.read. It sees tokens, never
numbers of people; control IDs and span IDs are names of messages. Must never look through spans: each
question goes to a table sorted for it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple

from slo.workflows.beside import Beside, in_turn
from slo.workflows.judgement import PACKAGE, tuples
from slo.workflows.messages import (
    CERTAIN,
    OWN,
    QUARANTINED,
    days_of,
    places_of,
)
from tracing.identity.events import Event, in_force
from tracing.identity.model import BEGINNING, NEVER, Place
from tracing.keys import SEARCH_ONLY
from tracing.store import Store, load_sql

TRACE_ID, SPAN_ID, CONTROL_ID = "trace_id", "span_id", "control_id"
TOO_MANY = "too_many"
MOST_SIGHTINGS = 100
MOST_MESSAGES = 50
_MERGES_DEEP = 8
_PLACES_AT_ONCE = 50
_ON_DAYS = "toDate(start) IN {days:Array(Date)}"


class Match(NamedTuple):
    """A journey that was found, and how.

    asked: the token, trace ID, span ID or control ID. journey: "" when the key is known but names nobody.
    kind: a kind of key, or trace_id, span_id, control_id. basis: as `tracing.identity.model.Place`.
    since, until: the time in which the number is this journey's, where it served several (until excluded), or
    in which a patient was seen in it. via: merge, change, link or same, where the match comes by another
    number of the patient; via_at: when that was said. gave_way: the asked number is the one that went.
    why: what is doubtful about the key (blank, too_many, reused, two_patients). interface: of a message.
    """

    asked: str
    journey: str
    certainty: str
    basis: str
    kind: str
    authority: str = ""
    since: datetime | None = None
    until: datetime | None = None
    via: str = ""
    via_at: datetime | None = None
    gave_way: bool = False
    why: str = ""
    interface: str = ""


def search(
    store: Store,
    tokens: Iterable[str],
    now: datetime,
    *,
    traces: Iterable[str] = (),
    control_ids: Iterable[str] = (),
    span_ids: Iterable[str] = (),
    beside: Beside | None = None,
) -> list[Match]:
    """Every journey behind tokens of keys, and behind trace IDs, control IDs and span IDs of messages.

    The latest first where a patient has many. Each (asked, journey) once, at its most certain.
    """
    beside = beside or in_turn(store)
    named = beside(
        lambda other: [
            *_by_control_id(other, sorted(set(control_ids))),
            *_by_span_id(other, sorted(set(span_ids))),
        ]
    )
    wanted = sorted(set(tokens))
    keys = _keys(store, wanted)
    patients = {token for token, (kind, _) in keys.items() if kind == "mrn"}
    groups, said = _aliases(store, patients) if patients else ({}, {})
    searched = {token for token, (kind, _) in keys.items() if kind in SEARCH_ONLY}
    every = {other for token in searched for other in groups.get(token, (token,))}
    sightings = _sightings(store, every)
    messages = [*_by_trace(store, set(traces) - keys.keys()), *named()]
    ends = {*(keys.keys() - searched), *(row.other for row in sightings)}
    collisions = beside(lambda other: _collisions(other, keys, now))
    places = places_of(store, {*ends, *(message.hangs_on for message in messages)})
    sure = {token for token, place in places.items() if place.certainty == CERTAIN and not place.eras}
    doubts = {token: doubt for token, doubt in collisions().items() if token not in sure}
    whys = {token: why for token, (why, _) in doubts.items()}
    found: list[Match] = []
    for token, (kind, authority) in keys.items():
        if token not in searched:
            found += _of_key(token, kind, authority, places.get(token), whys.get(token, ""))
            found += _seen_with(store, token, kind, authority, *doubts.get(token, ("", [])))
            continue
        mine = groups.get(token, frozenset((token,)))
        for seen in (row for row in sightings if row.token in mine):
            event = said.get((token, seen.token))
            for journey, place in _of_sighting(seen, mine, places.get(seen.other)):
                basis = "key" if place.basis == OWN else place.basis
                match = Match(token, journey, place.certainty, basis, kind, authority, seen.since, seen.until)
                found.append(_by_way_of(match, event)._replace(why=whys.get(token, "")))
        if token in whys and not any(match.asked == token for match in found):
            found.append(Match(token, "", QUARANTINED, QUARANTINED, kind, authority, why=whys[token]))
    for message in messages:
        at_home = places.get(message.hangs_on) or Place(message.kind, message.hangs_on, CERTAIN, OWN)
        journey = at_home.journey_at(message.patient, message.at)
        match = Match(
            message.asked, journey, at_home.certainty, at_home.basis, message.kind, since=message.at
        )
        found.append(match._replace(interface=message.interface))
    return _best(found)


class _Seen(NamedTuple):
    token: str
    other: str
    what: str
    since: datetime
    until: datetime


class _Message(NamedTuple):
    asked: str
    kind: str
    hangs_on: str
    patient: str
    at: datetime
    interface: str


def _keys(store: Store, tokens: Sequence[str]) -> dict[str, tuple[str, str]]:
    if not tokens:
        return {}
    rows = tuples(store, "kinds_of.sql", {"tokens": tokens})
    return {token: (kind, authority) for token, kind, authority in rows}


def _of_key(token: str, kind: str, authority: str, place: Place | None, why: str) -> list[Match]:
    if place is None:
        if why:
            return [Match(token, "", QUARANTINED, QUARANTINED, kind, authority, why=why)]
        return [Match(token, token, CERTAIN, OWN, kind, authority)]
    if len(place.journeys) == 1:
        (journey,) = place.journeys
        return [Match(token, journey, place.certainty, place.basis, kind, authority, why=why)]
    eras = sorted(place.eras, key=lambda era: era.since)
    began: dict[str, datetime] = {}
    for era in eras:
        began.setdefault(era.journey, era.since)
    starts = sorted({since for since in began.values() if since < NEVER})
    found = []
    for journey, since in began.items():
        match = Match(token, journey, place.certainty, place.basis, kind, authority, why=why)
        after = next((later for later in starts if later > since), None)
        found.append(match._replace(since=since if BEGINNING < since < NEVER else None, until=after))
    return found


def _seen_with(
    store: Store, token: str, kind: str, authority: str, why: str, evidence: Sequence[str]
) -> list[Match]:
    """The encounters that a key of too many was seen with: it joins none of them, but one may be meant."""
    if why != TOO_MANY:
        return []
    places = places_of(store, evidence)
    ends = {place.journey if (place := places.get(other)) else other for other in evidence}
    doubtful = Match(token, "", QUARANTINED, QUARANTINED, kind, authority, why=why)
    return [doubtful._replace(journey=journey) for journey in sorted(ends)]


def _by_way_of(match: Match, event: Event | None) -> Match:
    if event is None:
        return match
    return match._replace(via=event.event, via_at=event.at, gave_way=event.from_token == match.asked)


def _of_sighting(seen: _Seen, patients: frozenset[str], place: Place | None) -> list[tuple[str, Place]]:
    """The journeys that a thing seen with a patient stands for: the patient's, where it served two."""
    if place is None:
        return [(seen.other, Place(seen.what, seen.other, CERTAIN, OWN))]
    mine = dict.fromkeys(era.journey for era in place.eras if era.patient in patients)
    return [(journey, place) for journey in mine or (place.journey_at("", seen.until),)]


def _sightings(store: Store, tokens: Iterable[str]) -> list[_Seen]:
    wanted = sorted(tokens)
    if not wanted:
        return []
    parameters = {"tokens": wanted, "most": MOST_SIGHTINGS}
    return [_Seen(*row) for row in store.query(load_sql(PACKAGE, "sightings.sql"), parameters).rows]


def _aliases(
    store: Store, patients: set[str]
) -> tuple[dict[str, frozenset[str]], dict[tuple[str, str], Event]]:
    """Numbers that are one patient's, and for (asked, other) the event that joined the asked one."""
    events: dict[str, Event] = {}
    asked: set[str] = set()
    open_tokens = set(patients)
    for _ in range(_MERGES_DEEP):
        rows = store.query(load_sql(PACKAGE, "patient_events.sql"), {"tokens": sorted(open_tokens)}).rows
        asked |= open_tokens
        events |= {row[0]: Event(*row) for row in rows}
        known = {
            token
            for event in events.values()
            for token, kind in ((event.from_token, event.from_kind), (event.to_token, event.to_kind))
            if kind == "mrn"
        }
        open_tokens = known - asked
        if not open_tokens:
            break
    force = in_force(events.values())
    groups = {token: group for token, group in force.groups().items() if token in patients}
    near: dict[str, list[tuple[str, Event]]] = defaultdict(list)
    for pair, event in force.aliases.items():
        one, other = sorted(pair)
        near[one].append((other, event))
        near[other].append((one, event))
    said: dict[tuple[str, str], Event] = {}
    for token in groups:
        for neighbour, first in sorted(near[token], key=lambda step: step[1].at):
            walk, seen = [neighbour], {token, neighbour}
            while walk:
                here = walk.pop()
                said.setdefault((token, here), first)
                new = {other for other, _ in near[here]} - seen
                seen |= new
                walk += sorted(new)
    return groups, said


def _by_trace(store: Store, traces: Iterable[str]) -> list[_Message]:
    wanted = sorted(traces)
    if not wanted:
        return []
    days = sorted({day for its in days_of(store, wanted).values() for day in its})
    if not days:
        return []
    where = f"{_ON_DAYS} AND trace_id IN {{traces:Array(String)}}"
    rows = _messages_at(store, where, {"days": days, "traces": wanted})
    return [_Message(row[2], TRACE_ID, row[3] or row[2], row[4], row[5], row[6]) for row in rows]


def _by_control_id(store: Store, ids: Sequence[str]) -> list[_Message]:
    rows = _messages_named(store, "message_places.sql", "control_id", ids)
    return [_Message(row[0], CONTROL_ID, row[3] or row[2], row[4], row[5], row[6]) for row in rows]


def _by_span_id(store: Store, ids: Sequence[str]) -> list[_Message]:
    rows = _messages_named(store, "span_places.sql", "span_id", ids)
    return [_Message(row[1], SPAN_ID, row[3] or row[2], row[4], row[5], row[6]) for row in rows]


def _messages_named(store: Store, places_sql: str, column: str, ids: Sequence[str]) -> list[tuple[Any, ...]]:
    """Messages by a name that `places_sql` knows the places of, and that stands in `column` of spans."""
    if not ids:
        return []
    known = {"ids": ids, "most": MOST_MESSAGES}
    places = sorted(set(store.query(load_sql(PACKAGE, places_sql), known).rows))
    found: list[tuple[Any, ...]] = []
    for first in range(0, len(places), _PLACES_AT_ONCE):
        chunk = places[first : first + _PLACES_AT_ONCE]
        prefixes = {f"p{n}": prefix for n, prefix in enumerate(sorted({place[1] for place in chunk}))}
        ranges = " OR ".join(f"startsWith(trace_id, {{{name}:String}})" for name in prefixes)
        where = f"{_ON_DAYS} AND ({ranges}) AND {column} IN {{ids:Array(String)}}"
        days = sorted({place[0] for place in chunk})
        found += _messages_at(store, where, {**prefixes, "days": days, "ids": ids})
    return found


def _messages_at(store: Store, where: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    sql = load_sql(PACKAGE, "messages_at.sql").replace("{{where}}", where)
    return store.query(sql, {**parameters, "most": 20 * MOST_MESSAGES}).rows


def _collisions(store: Store, tokens: Iterable[str], now: datetime) -> dict[str, tuple[str, list[str]]]:
    wanted = sorted(tokens)
    if not wanted:
        return {}
    rows = tuples(store, "collisions_of.sql", {"tokens": wanted})
    newest = {(token, why): rest for token, why, _, *rest in sorted(rows, key=itemgetter(2))}
    return {
        token: (why, evidence) for (token, why), (evidence, cleared_at) in newest.items() if cleared_at > now
    }


def _best(found: Iterable[Match]) -> list[Match]:
    """Each (asked, journey) once, at its most certain and most direct; the order is kept."""
    best: dict[tuple[str, str], Match] = {}
    for match in found:
        known = best.get((match.asked, match.journey))
        if known is None or _doubt(match) < _doubt(known):
            best[match.asked, match.journey] = match
    return sorted(best.values(), key=lambda match: match.certainty != CERTAIN)


def _doubt(match: Match) -> tuple[bool, bool]:
    return match.certainty != CERTAIN, match.via != ""
