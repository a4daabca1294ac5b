"""The rule by which keys belong to journeys: a pure function of facts, with no store and no clock.

Called by the resolver with the part of the graph that new facts touch. A visit is the root of its journey and
is never joined with another, unless a system or a person says that two numbers are one visit. A visit number
that two patients had is two journeys. Any other key belongs to the visit it was seen with; seen with several,
to the one its own source named last, if they are one patient's: the interface that carried a key first is
nearest to whoever assigns it, and a wrong visit number further down the road must not win. A key that was
seen with the visits of two patients belongs to neither, except where a long silence lies between them; one
that was seen with too many visits says nothing. Keys that no visit was seen with hang together, and belong
where their neighbours do; while there are none, to the best of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tracing.identity.events import in_force
from tracing.identity.model import (
    BEGINNING,
    EVIDENCE,
    NEVER,
    VISIT,
    Collision,
    Era,
    Facts,
    Link,
    Place,
    Resolution,
    era_of,
    split_journey,
)
from tracing.identity.people import Patient, Seen, Sighting
from tracing.identity.rules import Rules
from tracing.keys import SEARCH_ONLY, priority


@dataclass(frozen=True, slots=True)
class _Target:
    """A journey that a key may belong to, who its patients are, and when the key was seen with it."""

    journey: str
    seen: Seen
    first: datetime
    last: datetime
    named: datetime = BEGINNING
    """When the key's own source last named it."""

    def also(self, other: _Target) -> _Target:
        """This journey, seen whenever either was."""
        first, last = min(self.first, other.first), max(self.last, other.last)
        return _Target(self.journey, self.seen, first, last, max(self.named, other.named))


def resolve(facts: Facts, rules: Rules) -> Resolution:
    """The place of every key in `facts`; facts may come in any order, repeated, links in either direction."""
    return _Forest(facts, rules).grow()


class _Forest:
    def __init__(self, facts: Facts, rules: Rules) -> None:
        self._rules = rules
        self._force = in_force(facts.events)
        self._heads = self._force.heads()
        self._kinds: dict[str, str] = {}
        self._near: dict[str, dict[str, set[Link]]] = defaultdict(lambda: defaultdict(set))
        for link in facts.links:
            self._connect(link)
        for event in self._force.aliases.values():
            # An account whose number was changed, or that was merged into another, goes where that one goes.
            if VISIT not in (event.from_kind, event.to_kind):
                self._connect(Link(event.from_token, event.from_kind, event.to_token, event.to_kind))
            else:
                self._kinds.setdefault(event.from_token, VISIT)
                self._kinds.setdefault(event.to_token, VISIT)
        self._seen = self._sightings(facts.sightings)
        self._roots: dict[str, list[str]] = defaultdict(list)
        for token, kind in facts.keys.items():
            self._kinds.setdefault(token, kind)
        for token, kind in self._kinds.items():
            if kind == VISIT:
                self._roots[self._heads.get(token, token)].append(token)
        self._whose: dict[str, Seen] = {}
        self._root_of: dict[str, str] = {}
        self._result = Resolution()

    def grow(self) -> Resolution:
        for root, visits in self._roots.items():
            self._place_visits(root, visits)
        floating = set()
        for token, kind in self._kinds.items():
            if kind != VISIT:
                links = {link for other in self._visits_near(token) for link in self._near[token][other]}
                if not links:
                    floating.add(token)
                else:
                    self._place_key(token, kind, links)
        for group in self._groups(floating):
            self._place_group(group)
        return self._result

    def _connect(self, link: Link) -> None:
        if link.token == link.other or link.kind in SEARCH_ONLY or link.other_kind in SEARCH_ONLY:
            return
        if link in self._near[link.token][link.other]:
            return  # the store has each in both directions
        for name, its in ((link.token, link.kind), (link.other, link.other_kind)):
            # One token has one kind; should two claim it, the better wins whatever came first.
            if name not in self._kinds or (priority(its), its) < (
                priority(self._kinds[name]),
                self._kinds[name],
            ):
                self._kinds[name] = its
        back = Link(link.other, link.other_kind, link.token, link.kind, *link[4:])
        self._near[link.token][link.other].add(link)
        self._near[link.other][link.token].add(back)

    def _sightings(self, sightings: Iterable[Sighting]) -> dict[str, Seen]:
        aliases = self._force.groups()
        void = self._void_sightings()
        gathered: dict[str, set[Sighting]] = defaultdict(set)
        for one in sightings:
            if (one.key, one.patient) not in void:
                gathered[one.key].add(one)
        return {key: Seen(tuple(sorted(found)), aliases) for key, found in gathered.items()}

    def _void_sightings(self) -> set[tuple[str, str]]:
        """Links that moves made void, and those of what went along: an account's visits, a visit's keys."""
        void = set(self._force.void)
        for moved, holder in self._force.void:
            if holder not in self._kinds:
                void |= {
                    (other, holder)
                    for other in self._near[moved]
                    if not {(moved, other), (other, moved)} & self._force.void
                }
        return void

    def _seen_with(self, keys: Iterable[str]) -> Seen:
        found = Seen()
        for key in sorted(keys):
            if key in self._seen:
                found = self._seen[key].with_(found)
        return found

    def _place_visits(self, root: str, visits: list[str]) -> None:
        seen = self._seen_with(visits)
        self._whose[root] = seen
        patients = seen.patients()
        released = self._force.released & {root, *visits}
        eras: tuple[Era, ...] = ()
        if len(patients) > 1 and not released:
            eras, why = self._split(root, patients)
            for journey in {era.journey for era in eras}:
                self._root_of[journey] = root
                self._whose[journey] = seen.only(era.patient for era in eras if era.journey == journey)
            self._doubt_patients(root, VISIT, why, patients)
        for visit in visits:
            basis = "own" if visit == root else "key"
            self._result.places[visit] = Place(VISIT, root, "certain", basis, eras)

    def _split(self, root: str, patients: list[Patient]) -> tuple[tuple[Era, ...], str]:
        """A journey for each patient; the first keeps the number's own."""
        eras = []
        why = "reused"
        until = patients[0].last
        for place, patient in enumerate(patients):
            since, journey = BEGINNING, root
            if place:
                since, why = self._since(patient.first, until, why)
                journey = split_journey(root, patient.name)
            until = max(until, patient.last)
            eras += [Era(token, since, journey) for token in sorted(patient.tokens)]
        return tuple(eras), why

    def _since(self, first: datetime, until: datetime, why: str) -> tuple[datetime, str]:
        return (first, why) if first - until > self._rules.reuse_after else (NEVER, "two_patients")

    def _visits_near(self, token: str) -> list[str]:
        return [
            other
            for other in self._near[token]
            if self._kinds[other] == VISIT and (other, token) not in self._force.void
        ]

    def _place_key(self, token: str, kind: str, links: set[Link]) -> None:
        roots = {self._heads.get(link.other, link.other) for link in links}
        released = token in self._force.released
        if len(roots) > 1 or token in self._seen or any(self._result.places[root].eras for root in roots):
            self._result.doubtful[token] = {visit for root in roots for visit in self._roots[root]}
        if len(roots) > self._rules.cap(kind) and not released:
            self._quarantine([token], "too_many", sorted(roots))
            return
        targets = self._targets(token, links)
        if len(targets) == 1:
            self._settle(token, Place(kind, targets[0].journey, "certain"), targets)
            return
        own = [target for target in targets if target.named > BEGINNING] or targets
        if released or not _differ(own):
            chosen = max(own, key=lambda target: (target.named, target.last, target.journey))
            self._settle(token, Place(kind, chosen.journey, "probable", "several"), targets)
            return
        eras = self._uses(own)
        if not eras:
            self._quarantine([token], "two_patients", sorted(target.journey for target in own))
            return
        self._doubt(token, kind, "reused", [target.journey for target in own])
        self._settle(token, Place(kind, eras[-1].journey, "probable", "several", eras), targets)

    def _targets(self, token: str, links: set[Link]) -> list[_Target]:
        """The journeys a key was seen with: for a number of two patients, those of the messages' patients."""
        all_links = {
            link for other, many in self._near[token].items() if self._kinds[other] == VISIT for link in many
        }
        source = min((link.first, link.interface) for link in all_links)[1]
        found: dict[str, _Target] = {}
        for link in sorted(links):
            root = self._heads.get(link.other, link.other)
            named = link.last if link.interface == source else BEGINNING
            for journey in _journeys(self._result.places[root], link):
                target = _Target(journey, self._whose.get(journey, Seen()), link.first, link.last, named)
                found[journey] = target.also(found.get(journey, target))
        return list(found.values())

    def _uses(self, targets: list[_Target]) -> tuple[Era, ...]:
        """Eras of a number that was used again after a long silence; none where the uses overlap."""
        uses: list[list[_Target]] = []
        until = BEGINNING
        for target in sorted(targets, key=lambda target: (target.first, target.journey)):
            if not uses or target.first - until > self._rules.reuse_after:
                uses.append([])
            uses[-1].append(target)
            until = max(until, target.last)
        if len(uses) < 2 or any(_differ(use) for use in uses):
            return ()
        eras = []
        for place, use in enumerate(uses):
            chosen = max(use, key=lambda target: (target.named, target.last, target.journey))
            since = min(target.first for target in use) if place else BEGINNING
            eras += [Era(patient, since, chosen.journey) for patient in sorted(chosen.seen.tokens) or [""]]
        return tuple(eras)

    def _settle(self, token: str, place: Place, targets: list[_Target]) -> None:
        """Place a key, and beside it the messages of other patients that carry it without a visit."""
        self._result.places[token] = place
        seen = self._seen.get(token)
        if seen is None or token in self._force.released:
            return
        whose = {target.journey: target.seen for target in targets}
        until = max((seen.last for seen in whose.values() if seen.last is not None), default=BEGINNING)
        why = "reused"
        eras = list(place.eras or (Era("", BEGINNING, place.journey),))
        known = tuple(eras)
        strangers = []
        for patient in seen.patients() or seen.as_one():
            own = seen.only(patient.tokens)
            homes = {number: era_of(known, number, patient.first) for number in sorted(patient.tokens)}
            if not any(own.differs_from(whose[home]) for home in homes.values()):
                eras += [Era(number, NEVER, home) for number, home in homes.items()]
                continue
            strangers.append(patient.name)
            since, why = self._since(patient.first, until, why)
            until = max(until, patient.last)
            journey = next(
                (target.journey for target in targets if own.shares_with(target.seen)),
                split_journey(token, patient.name),
            )
            self._whose.setdefault(journey, own)
            eras += [Era(number, since, journey) for number in homes]
        if strangers:
            self._doubt(token, place.kind, why, strangers)
            self._result.places[token] = place._replace(eras=tuple(eras))

    def _groups(self, left: set[str]) -> list[list[str]]:
        """Groups of keys that hang together without passing through a key that was seen with a visit."""
        groups = []
        while left:
            open_tokens = [left.pop()]
            group = []
            while open_tokens:
                token = open_tokens.pop()
                group.append(token)
                reached = self._near[token].keys() & left
                left -= reached
                open_tokens += reached
            groups.append(group)
        return groups

    def _place_group(self, group: list[str]) -> None:
        root = min(group, key=lambda token: (priority(self._kinds[token]), token))
        around = self._around(group)
        released = self._force.released & set(group)
        if len(around) > 1 or any(token in self._seen for token in group):
            for token in group:
                self._result.doubtful[token] = {
                    visit
                    for journey in around
                    for visit in self._roots.get(self._root_of.get(journey, journey), ())
                }
        targets = [target for target, _ in around.values()]
        if not targets:
            self._place_alone(root, group)
            return
        if not released and len(targets) > self._rules.cap(self._kinds[root]):
            self._quarantine(group, "too_many", sorted(around))
            return
        if not released and _differ(targets):
            self._quarantine(group, "two_patients", sorted(around))
            return
        chosen = max(targets, key=lambda target: (target.last, target.journey))
        sure = len(targets) == 1 and around[chosen.journey][1]
        for token in group:
            kind = self._kinds[token]
            place = Place(kind, chosen.journey, *(("certain", "key") if sure else ("probable", "several")))
            self._settle(token, place, targets)

    def _around(self, group: list[str]) -> dict[str, tuple[_Target, bool]]:
        """The journeys beside a group, each with whether its neighbours are certain of it."""
        found: dict[str, tuple[_Target, bool]] = {}
        for token in group:
            for other, links in self._near[token].items():
                place = self._result.places.get(other)
                if place is None or place.certainty == "quarantined" or self._kinds[other] == VISIT:
                    continue
                sure = place.certainty == "certain"
                for link in links:
                    for journey in _journeys(place, link):
                        target = _Target(journey, self._whose.get(journey, Seen()), link.first, link.last)
                        known, all_sure = found.get(journey, (target, True))
                        found[journey] = target.also(known), all_sure and sure
        return found

    def _place_alone(self, root: str, group: list[str]) -> None:
        """Keys without a visit: their best is their journey; for each patient, should there be several."""
        patients = self._seen_with(group).patients()
        eras: tuple[Era, ...] = ()
        if len(patients) > 1 and not self._force.released & set(group):
            eras, why = self._split(root, patients)
            self._doubt_patients(root, self._kinds[root], why, patients)
        for token in group:
            basis = "own" if token == root else "key"
            self._result.places[token] = Place(self._kinds[token], root, "certain", basis, eras)

    def _quarantine(self, group: list[str], why: str, evidence: list[str]) -> None:
        root = min(group, key=lambda token: (priority(self._kinds[token]), token))
        self._doubt(root, self._kinds[root], why, evidence)
        patients = self._seen_with(group).patients()
        eras = self._split(root, patients)[0] if patients else ()
        for token in group:
            self._result.places[token] = Place(self._kinds[token], root, "quarantined", "quarantined", eras)

    def _doubt_patients(self, token: str, kind: str, why: str, patients: list[Patient]) -> None:
        """Raise that a number had several patients, unless a person has said that they are several."""
        if not all(
            any(frozenset((mine, its)) in self._force.apart for mine in one.tokens for its in other.tokens)
            for place, one in enumerate(patients)
            for other in patients[:place]
        ):
            self._doubt(token, kind, why, [patient.name for patient in patients])

    def _doubt(self, token: str, kind: str, why: str, evidence: Iterable[str]) -> None:
        self._result.collisions.append(Collision(token, kind, why, tuple(evidence)[:EVIDENCE]))


def _differ(targets: list[_Target]) -> bool:
    """Whether any two of these are surely two patients'."""
    return any(
        one.seen.differs_from(other.seen) for place, one in enumerate(targets) for other in targets[:place]
    )


def _journeys(place: Place, link: Link) -> set[str]:
    """The journeys that the messages of a link mean, of those its key has."""
    if not place.eras:
        return {place.journey}
    return {place.journey_at(link.patient, at) for at in (link.first, link.last)}
