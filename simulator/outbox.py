"""How a system of a process sends: after a while, late, twice or not at all, and again after a refusal.

Used by every peer of `simulator.processes`. What is to be said is made when it is sent, so that it says what
is known then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from simulator.agenda import Agenda
from simulator.fates import Fate, Fates
from simulator.hops import Answer, Delivery, Witness
from simulator.lanes import Lane
from simulator.roads import ROADS

_RETRY_SECONDS = (2.0, 4.0, 8.0)
_AGAIN_AT_MOST = 3

Make = Callable[[float], Delivery]
"""Builds the delivery at a time, its control ID included."""


@dataclass(frozen=True, slots=True)
class Errand:
    """What is sent: its message, the number it is about, whose it is (a key of the truth), how late is late.

    late: seconds from the moment it is handed in, between which a late one leaves.
    """

    message: str
    number: str
    owner: str
    late: tuple[float, float] = (3600.0, 14400.0)


class Outbox:
    """One system's way to put things on one road."""

    def __init__(self, agenda: Agenda, fates: Fates, witness: Witness, road: str, lane: Lane) -> None:
        self._agenda, self._fates, self._witness = agenda, fates, witness
        self._road, self._lane = ROADS[road], lane
        self._errands: dict[int, tuple[Errand, Delivery, int]] = {}

    def send(self, errand: Errand, after: float, make: Make) -> None:
        """Send in `after` seconds what `make` makes then, unless the dice want it otherwise."""
        now = self._agenda.now
        fate = self._fate(errand)
        if fate.kind != "none" and (fate.kind != "silent" or self._road.kind == "mllp"):
            self._witness.fault(errand.owner, errand.message, errand.number, fate.kind, now)
        if fate.kind == "lost":
            self._agenda.at(now + after, lambda: self._lose(errand))
            return
        if fate.kind == "late":
            after = errand.late[0] + (errand.late[1] - errand.late[0]) * fate.second
        self._agenda.at(now + after, lambda: self._put(errand, make, fate))

    def answered(self, delivery: Delivery, answer: Answer) -> float | None:
        """Repeat a server's failure soon and in order; a refusal is sent again when it has been put right."""
        kept = self._errands.get(id(delivery))
        if answer.outcome == "accepted" or kept is None:
            self._errands.pop(id(delivery), None)
            return None
        errand, _, times = kept
        if answer.outcome == "error" and delivery.attempts <= len(_RETRY_SECONDS):
            return _RETRY_SECONDS[delivery.attempts - 1]
        waits = self._fate(errand).recovers_after
        if waits is None or times >= _AGAIN_AT_MOST:
            del self._errands[id(delivery)]
            return None
        self._errands[id(delivery)] = errand, delivery, times + 1
        delivery.attempts = 0
        self._agenda.at(self._agenda.now + waits + 30, lambda: self._lane.put(delivery))
        return None

    def _fate(self, errand: Errand) -> Fate:
        return self._fates.of(f"{self._road.destination} {errand.message}", errand.number)

    def _lose(self, errand: Errand) -> None:
        self._witness.lost(errand.owner, errand.message, self._road.source, self._agenda.now)

    def _put(self, errand: Errand, make: Make, fate: Fate) -> None:
        now = self._agenda.now
        delivery = make(now)
        delivery.told = self.answered
        self._hand_over(errand, delivery)
        if fate.kind == "twice":
            again = replace(delivery, attempts=0)
            self._agenda.at(now + 1 + fate.first * 240, lambda: self._hand_over(errand, again))

    def _hand_over(self, errand: Errand, delivery: Delivery) -> None:
        # The delivery is kept beside its errand, so that its identity stays its own.
        self._errands[id(delivery)] = errand, delivery, 0
        self._lane.put(delivery)
