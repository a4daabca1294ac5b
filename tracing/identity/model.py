"""What identity is made of: links and events between keys, and the places and eras that follow from them.

Shared by the rule (forest), the resolver and readers. Keys are tokens; it must never hold an identifier.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import NamedTuple

from tracing.identity.events import Event
from tracing.identity.people import Sighting

VISIT = "visit"
MESSAGE = "message"
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
NEVER = datetime(2200, 1, 1, tzinfo=UTC)
EVIDENCE = 10


class Link(NamedTuple):
    """Two keys that messages carried: on which interface, beside which patient number ('' for none), when."""

    token: str
    kind: str
    other: str
    other_kind: str
    interface: str = ""
    patient: str = ""
    first: datetime = BEGINNING
    last: datetime = BEGINNING


class Era(NamedTuple):
    """Messages of `patient`, else those from `since` on, belong to `journey`. `NEVER`: only the patient's."""

    patient: str
    since: datetime
    journey: str


class Place(NamedTuple):
    """Where a token belongs.

    certainty: certain, probable, or quarantined (it says nothing, and joins nothing). basis: own (it is the
    journey), key, several (the likeliest of several), patient (the patient's only visit then), quarantined.
    """

    kind: str
    journey: str
    certainty: str
    basis: str = "key"
    eras: tuple[Era, ...] = ()

    @property
    def journeys(self) -> set[str]:
        """Every journey that some message of the key may belong to."""
        return {self.journey, *(era.journey for era in self.eras)}

    def journey_at(self, patient: str, at: datetime) -> str:
        """The journey of a message that hangs on the key, by its patient ('' for none) and its time."""
        return era_of(self.eras, patient, at) if self.eras else self.journey


class Collision(NamedTuple):
    """A key that does not say whose it is; `why` is too_many, reused or two_patients, `evidence` tokens."""

    token: str
    kind: str
    why: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of some keys: all links and events of each, all sightings of patients with each."""

    links: Iterable[Link] = ()
    events: Iterable[Event] = ()
    sightings: Iterable[Sighting] = ()
    keys: Mapping[str, str] = field(default_factory=dict)
    """Keys to place that may have no link at all, each with its kind."""


@dataclass(slots=True)
class Resolution:
    """The place of every token in the facts, and what was doubtful about some."""

    places: dict[str, Place] = field(default_factory=dict)
    collisions: list[Collision] = field(default_factory=list)
    doubtful: dict[str, set[str]] = field(default_factory=dict)
    """Keys with several visits or patients, and the visits whose patients decided."""


def era_of(eras: tuple[Era, ...], patient: str, at: datetime) -> str:
    """The journey of a message of `patient` ('' if it named none) at `at`, among `eras`."""
    for era in eras:
        if patient and era.patient == patient:
            return era.journey
    return max((era for era in eras if era.since <= at), key=lambda era: era.since, default=eras[0]).journey


def split_journey(token: str, patient: str) -> str:
    """The id of the journey that a number has for another patient than its first: 32 hex digits."""
    return blake2b(f"{token}|{patient}".encode(), digest_size=16).hexdigest()
