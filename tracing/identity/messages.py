"""Messages that name a patient and nothing better: which of the patient's visits they probably belong to.

Called by the resolver. A message of a patient with exactly one visit at that time is probably of that visit;
with none or several it belongs to none. It must never be called certain.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from tracing.identity.model import MESSAGE, Place
from tracing.identity.people import Sighting
from tracing.identity.rules import Rules

Stay = tuple[datetime, datetime]


def place_messages(
    messages: Iterable[Sighting],
    visits: Iterable[Sighting],
    places: Mapping[str, Place],
    aliases: Mapping[str, frozenset[str]],
    rules: Rules,
) -> dict[str, Place]:
    """The places of messages, by their trace.

    messages: sightings of patients in them (several numbers may name one message); visits: sightings of the
    same patients, by any of their numbers, with visits; places: those of these visits.
    """
    stays: dict[str, dict[str, Stay]] = {}
    for one in visits:
        place = places.get(one.key)
        if place is None:
            continue
        journey = place.journey_at(one.patient, one.first)
        of_patient = stays.setdefault(one.patient, {})
        begins, ends = of_patient.get(journey, (one.first, one.last))
        of_patient[journey] = min(begins, one.first), max(ends, one.last)
    found: dict[str, set[str]] = {}
    for message in messages:
        journeys = found.setdefault(message.key, set())
        for patient in aliases.get(message.patient, frozenset((message.patient,))):
            journeys |= _overlapping(message, stays.get(patient, {}), rules)
    return {
        trace: Place(MESSAGE, next(iter(journeys)), "probable", "patient")
        if len(journeys) == 1
        else Place(MESSAGE, trace, "certain", "own")
        for trace, journeys in found.items()
    }


def _overlapping(message: Sighting, stays: Mapping[str, Stay], rules: Rules) -> set[str]:
    """Journeys whose stay, somewhat longer at both ends, meets the time of the message."""
    return {
        journey
        for journey, (begins, ends) in stays.items()
        if begins - rules.patient_window <= message.last and message.first <= ends + rules.patient_window
    }
