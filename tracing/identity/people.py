"""Whose numbers these are: patients as far as the data tells, and when two of them are surely not one.

Called by the forest. A patient is known by numbers (tokens), each of an assigning authority. Two numbers are
one patient's when something said so (a merge, a link, a person) or when they stood in one message; they are
two patients' when one authority gave both and nothing said so. It must never guess beyond that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple


class Sighting(NamedTuple):
    """A patient's number in messages of a key: `together` are other numbers in the same messages."""

    patient: str
    authority: str
    key: str
    key_kind: str
    first: datetime
    last: datetime
    together: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Patient:
    """Numbers of one patient, with the time they were seen in, and the authorities that gave them."""

    tokens: frozenset[str]
    authorities: frozenset[str]
    first: datetime
    last: datetime

    @property
    def name(self) -> str:
        """A token that stands for this patient, whatever came first."""
        return min(self.tokens)


@dataclass(frozen=True, slots=True)
class Seen:
    """The patients that messages of some keys named; `aliases` are all numbers that are one with each."""

    sightings: tuple[Sighting, ...] = ()
    aliases: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def with_(self, other: Seen) -> Seen:
        """What both have seen."""
        return Seen(self.sightings + other.sightings, self.aliases)

    def only(self, tokens: Iterable[str]) -> Seen:
        """What was seen of some numbers."""
        chosen = frozenset(tokens)
        return Seen(tuple(one for one in self.sightings if one.patient in chosen), self.aliases)

    @property
    def tokens(self) -> frozenset[str]:
        return frozenset(one.patient for one in self.sightings)

    @property
    def last(self) -> datetime | None:
        return max((one.last for one in self.sightings), default=None)

    def patients(self) -> list[Patient]:
        """The patients who surely are several, in order of appearance; empty unless there are two or more.

        Numbers of other authorities that were never seen beside theirs could be anybody's, and are left out.
        """
        groups = self._groups()
        if len(groups) < 2:
            return []
        counted: dict[str, int] = defaultdict(int)
        for group in groups:
            for authority in group.authorities:
                counted[authority] += 1
        apart = [group for group in groups if any(counted[one] > 1 for one in group.authorities)]
        return sorted(apart, key=lambda group: (group.first, group.name))

    def differs_from(self, other: Seen) -> bool:
        """Whether these are surely two patients: an authority gave both a number, and none is shared."""
        if not self.sightings or not other.sightings:
            return False
        if self.shares_with(other):
            return False
        return bool({one.authority for one in self.sightings} & {one.authority for one in other.sightings})

    def shares_with(self, other: Seen) -> bool:
        """Whether something says that these are one patient."""
        return bool(self._reach() & other._reach())

    def as_one(self) -> list[Patient]:
        """All numbers as those of one patient, for when they do not contradict each other; [] for none."""
        if not self.sightings:
            return []
        return [_patient(self.sightings)]

    def _reach(self) -> frozenset[str]:
        """All numbers that are one with a number seen here, as far as these sightings tell."""
        reach: set[str] = set()
        for one in self.sightings:
            reach |= self.aliases.get(one.patient, frozenset((one.patient,)))
            for beside in one.together:
                reach |= self.aliases.get(beside, frozenset((beside,)))
        return frozenset(reach)

    def _groups(self) -> list[Patient]:
        parent: dict[str, str] = {}

        def find(token: str) -> str:
            while parent.setdefault(token, token) != token:
                token = parent[token]
            return token

        for one in self.sightings:
            for other in self.aliases.get(one.patient, frozenset()) | one.together:
                parent[find(other)] = find(one.patient)
            find(one.patient)
        members: dict[str, list[Sighting]] = defaultdict(list)
        for one in self.sightings:
            members[find(one.patient)].append(one)
        return [_patient(group) for group in members.values()]


def _patient(sightings: Sequence[Sighting]) -> Patient:
    return Patient(
        frozenset(one.patient for one in sightings),
        frozenset(one.authority for one in sightings),
        min(one.first for one in sightings),
        max(one.last for one in sightings),
    )
