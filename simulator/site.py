"""What every peer of a process is built with: agenda, casebook, dice, witness, doors, and its ways to send.

Made by the hospital when it has processes. Holds the wiring; it decides nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from simulator.agenda import Agenda
from simulator.doors import Hl7Door, RestDoor
from simulator.fates import Fates
from simulator.hops import Delivery, Witness
from simulator.identity import Numbers
from simulator.lanes import Lane
from simulator.messages import Identified
from simulator.model import Encounter
from simulator.outbox import Errand, Outbox
from simulator.population import Casebook
from simulator.roads import ROADS

Heard = Callable[[Encounter, str, Identified, float], None]
"""Told of each ADT the engine took: whose, the event ("A01"), what it said, when."""


class Site:
    """One hospital's processes: `names` of them, the roads they send on, the doors they are spoken to at."""

    def __init__(
        self,
        names: frozenset[str],
        agenda: Agenda,
        book: Casebook,
        fates: Fates,
        witness: Witness,
        lane: Callable[[str], Lane],
    ) -> None:
        self.names, self.agenda, self.book = names, agenda, book
        self.fates, self.witness = fates, witness
        self.doors: dict[str, RestDoor | Hl7Door] = {}
        self.heard: list[Heard] = []
        self.expectations: list[Callable[[Encounter, float], None]] = []
        """Told of each encounter the EHR knows of, with the time before which nothing is sent."""
        self.shifts: list[Callable[[float, float], None]] = []
        """Told of each span of hours that is planned."""
        self.plans: dict[str, Any] = {}
        """What was decided about an order, a case, a charge, a task, by its number."""
        self._lane = lane
        self._outboxes: dict[str, Outbox] = {}

    def rest(self, name: str, system: str) -> RestDoor:
        """A door for REST; the same for all who ask for it by name."""
        door = self.doors.setdefault(name, RestDoor(self.agenda, self.fates, system))
        assert isinstance(door, RestDoor)
        return door

    def hl7(self, name: str, system: str, prefix: str) -> Hl7Door:
        """A door for HL7, likewise."""
        door = self.doors.setdefault(name, Hl7Door(self.agenda, self.fates, system, prefix))
        assert isinstance(door, Hl7Door)
        return door

    def outbox(self, road: str) -> Outbox:
        """The way to send on a road; one for all who send on it."""
        if road not in self._outboxes:
            self._outboxes[road] = Outbox(self.agenda, self.fates, self.witness, road, self._lane(road))
        return self._outboxes[road]

    def post(
        self,
        road: str,
        template: str,
        number: str,
        encounter: Encounter | None,
        after: float,
        document: dict[str, object],
        names: Numbers,
        late: tuple[float, float],
        owner: str = "",
        **parameters: str,
    ) -> None:
        """POST a document in `after` seconds. Empty texts in it are left out: systems say what they know."""
        path = template.format(**parameters) if parameters else template
        owner = owner or (encounter.key if encounter else "")
        body = json.dumps({name: value for name, value in document.items() if value != ""}).encode()
        errand = Errand(f"POST {template}", number, owner, late)
        persons = (encounter.person,) if encounter else ()
        tags = _tags(road, document)
        self.outbox(road).send(
            errand,
            after,
            lambda now: Delivery(road, owner, errand.message, "", body, path, 0, names, persons, tags),
        )

    def say(
        self,
        road: str,
        message: str,
        number: str,
        encounter: Encounter,
        after: float,
        control_id: Callable[[float], str],
        body: Callable[[str, float], bytes],
        names: Numbers,
        late: tuple[float, float],
        tags: tuple[tuple[str, str], ...],
    ) -> None:
        """Send an HL7 message in `after` seconds; `body(control ID, now)` writes it."""
        errand = Errand(message, number, encounter.key, late)

        def make(now: float) -> Delivery:
            own = control_id(now)
            self.book.sent(own, encounter)
            return Delivery(
                road, encounter.key, message, own, body(own, now), "", 0, names, (encounter.person,), tags
            )

        self.outbox(road).send(errand, after, make)

    def fault(self, owner: str, message: str, number: str, fault: str) -> None:
        """Tell the truth of something decided about what a process is about."""
        self.witness.fault(owner, message, number, fault, self.agenda.now)

    def roads(self) -> list[str]:
        """The roads of these processes that a lane carries, in the order of the table."""
        return [road.name for road in ROADS.values() if road.process in self.names and road.kind != "folder"]


def also(numbers: Numbers, **more: str) -> Numbers:
    """The numbers with others beside them."""
    return replace(numbers, more=tuple(more.items()))


def _tags(road: str, document: dict[str, object]) -> tuple[tuple[str, str], ...]:
    """What a tap on the road reads as codes from a document."""
    places: dict[str, str] = ROADS[road].tap.get("attributes", {})
    found = {name: document.get(pointer.removeprefix("/")) for name, pointer in places.items()}
    return tuple((name, str(value)) for name, value in found.items() if value is not None)
