"""The EHR: sends admissions, discharges and cancellations to the engine, in order, never losing one.

Decides what is sent when and what happens after an answer; lanes carry it. It knows nothing of the engine's
destinations.
"""

from __future__ import annotations

import random
from dataclasses import replace

from simulator import messages
from simulator.agenda import Agenda
from simulator.hops import EHR_ADT, Answer, Delivery
from simulator.identity import BLANK_VISIT, Notice, Story
from simulator.lanes import Lane
from simulator.messages import ControlIds, Identified
from simulator.model import Encounter, Fault, Trait
from simulator.population import Casebook
from simulator.site import Site

_UNEXPECTED_REFUSAL_SECONDS = 60.0
_GIVES_UP_AFTER = 20


class Ehr:
    """Sends what the casebook says over one ordered lane."""

    def __init__(self, agenda: Agenda, book: Casebook, lane: Lane) -> None:
        self._agenda, self._book, self._lane = agenda, book, lane
        self._ids = ControlIds("EHR")
        self._site: Site | None = None

    def join(self, site: Site) -> None:
        """Take part in processes: whoever is no inpatient is registered (A04); data and places change."""
        self._site = site

    def expect(self, encounter: Encounter, since: float) -> None:
        """Plan everything the encounter makes the EHR send; what lies before `since` is no longer sent."""
        e = encounter
        odd = Trait.OUT_OF_ORDER in e.traits
        # A registration that hung in the EHR's queue is overtaken by the discharge.
        arrival = "A01" if self._site is None or e.patient_class == "I" else "A04"
        events = [(e.discharged + 45 if odd else e.admitted, arrival), (e.discharged, "A03")]
        if self._site is not None and e.story is Story.NONE and not odd:
            events += _changes(self._site, e)
        if e.cancelled_after is not None:
            events.append((e.discharged + e.cancelled_after, "A13"))
        if e.again_after is not None:
            events.append((e.discharged + e.again_after, "A03"))
        if e.story is Story.ADMISSION_CANCELLED:
            events = events[:1]
        if self._site is not None:
            for tell in self._site.expectations:
                tell(e, since)
        for notice in e.notices:
            if notice.at >= since:
                self._notify(e, notice)
        first = True
        for at, event in sorted(events, key=lambda one: one[0]) if self._site else events:
            twice = first and event == "A03" and Trait.DUPLICATE_DISCHARGE in e.traits
            first = first and event != "A03"
            if at >= since:
                self._plan(at, e, event, twice)

    def answered(self, delivery: Delivery, answer: Answer) -> float | None:
        """A refused message goes to the error queue, from where it is sent again later or never."""
        if answer.outcome == "accepted":
            return None
        encounter = self._book.encounters.get(delivery.encounter)
        wait: float | None = _UNEXPECTED_REFUSAL_SECONDS
        if encounter is not None and encounter.fault is Fault.ENGINE_REFUSED:
            wait = encounter.recovers_after
        if wait is not None and delivery.attempts < _GIVES_UP_AFTER:
            self._agenda.at(self._agenda.now + wait, lambda: self._lane.put(delivery))
        return None

    def _plan(self, at: float, encounter: Encounter, event: str, twice: bool) -> None:
        self._agenda.at(at, lambda: self._send(encounter, event, twice))

    def _send(self, encounter: Encounter, event: str, twice: bool) -> None:
        now = self._agenda.now
        # A registration that was overtaken says what was known when it was written.
        numbers = encounter.named(encounter.admitted if event in ("A01", "A04") else now)
        if event == "A03":
            if Trait.MISSING_VISIT in encounter.traits:
                numbers = replace(numbers, visit="")
            elif Trait.WRONG_VISIT in encounter.traits:
                numbers = replace(numbers, visit=encounter.wrong_visit)
            elif encounter.story is Story.BLANK and encounter.variant == "visit":
                numbers = replace(numbers, visit=BLANK_VISIT)
        delivery = self._delivery(encounter, event, Identified.of(encounter, numbers))
        self._lane.put(delivery)
        if twice:
            again = replace(delivery, attempts=0)
            pause = random.Random(delivery.control_id).uniform(1, 5)
            self._agenda.at(now + pause, lambda: self._lane.put(again))

    def _notify(self, encounter: Encounter, notice: Notice) -> None:
        who = replace(Identified.of(encounter, notice.now), prior=notice.prior, other=notice.other)
        self._agenda.at(
            notice.at,
            lambda: self._lane.put(
                self._delivery(encounter, notice.event, who, notice.persons, notice.attached)
            ),
        )

    def _delivery(
        self,
        encounter: Encounter,
        event: str,
        who: Identified,
        persons: tuple[str, ...] = (),
        attached: bool = True,
    ) -> Delivery:
        now = self._agenda.now
        control_id = self._ids.next(now)
        self._book.sent(control_id, encounter)
        return Delivery(
            interface=EHR_ADT,
            encounter=encounter.key if attached else "",
            message=f"ADT^{event}",
            control_id=control_id,
            body=messages.adt(event, who, "EHR", "ENGINE", control_id, now),
            names=who.numbers,
            tags=who.tags,
            persons=persons or (encounter.person,),
        )


def _changes(site: Site, e: Encounter) -> list[tuple[float, str]]:
    """Updates of data (A08) and transfers of inpatients (A02) during the stay."""
    dice = site.fates.dice("changes", e.key)
    stay = e.discharged - e.admitted
    found = []
    if dice.random() < 0.3:
        found.append((round(e.admitted + stay * dice.uniform(0.1, 0.5), 3), "A08"))
    if e.patient_class == "I" and dice.random() < 0.4:
        found.append((round(e.admitted + stay * dice.uniform(0.3, 0.8), 3), "A02"))
    return found
