"""Bed management: knows from ADT who lies where, has freed beds cleaned, and tells when they can be used.

Takes ADT from the engine and reports from environmental services; asks for cleaning, gives the bed back to
the EHR, and tells workforce management that nobody has to nurse it (`simulator.workforce`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from simulator import messages
from simulator.doors import Document
from simulator.identity import Numbers
from simulator.messages import ControlIds, Identified
from simulator.model import Encounter
from simulator.roads import BEDS, STAFFING
from simulator.site import Site, also
from tracing.protocols import hl7v2

MINUTE = 60.0
_FORWARDED = ("A01", "A02", "A03", "A04", "A08", "A11", "A13")


@dataclass(frozen=True, slots=True)
class Cleaning:
    """One bed to be cleaned after a stay: whose it was and what ADT called the stay."""

    task: str
    encounter: Encounter
    bed: str
    unit: str


class BedManagement:
    """Beds of all units. `unit` and `bed` follow from the encounter, so that nobody has to be asked."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._ids = ControlIds("ENB")
        self._left: dict[str, int] = {}
        self._wanted: dict[str, str] = {}
        site.heard.append(self._forward)
        site.hl7("beds", "beds", "BED").on("ADT", self._number, self._adt)
        if BEDS in site.names:
            door = site.rest("beds-api", "beds")
            door.on("/cleaning-tasks/{task}/start", "task", "task_unknown", self._nothing)
            door.on("/cleaning-tasks/{task}/completion", "task", "task_unknown", self._cleaned)
            # The EHR's own door for what others tell it about beds.
            site.rest("ehr-api", "ehr").on("/beds/{bed}/status", "task", "bed_unknown", self._nothing)

    def _nothing(self, number: str, document: Document, now: float) -> None:
        """Taken note of."""

    def _forward(self, encounter: Encounter, event: str, who: Identified, now: float) -> None:
        """The engine's channel to bed management: the same event, written anew."""
        if event not in _FORWARDED or encounter.authority != "NSH":
            return
        number = f"{encounter.key}/{event}"
        self._site.say(
            "beds-adt",
            f"ADT^{event}",
            number,
            encounter,
            1 + encounter.billing_delay / 4,
            self._ids.next,
            lambda own, at: messages.adt(event, who, "ENGINE", "BEDS", own, at),
            who.numbers,
            (20 * MINUTE, 90 * MINUTE),
            who.tags,
        )

    def _number(self, message: hl7v2.Message) -> str:
        encounter = self._site.book.of_message(message.control_id)
        return f"{encounter.key if encounter else ''}/{message.get('MSH-9.2')}"

    def _adt(self, number: str, message: hl7v2.Message, now: float) -> None:
        encounter = self._site.book.of_message(message.control_id)
        if encounter is None or encounter.patient_class not in ("I", "E"):
            return
        if number.endswith("/A13"):
            self._wanted.pop(encounter.key, None)
        elif number.endswith("/A03"):
            stay = Numbers(message.get("PV1-19.1") or "", message.get("PID-18.1") or "")
            self._vacated(encounter, stay, now)

    def _vacated(self, encounter: Encounter, stay: Numbers, now: float) -> None:
        if encounter.key in self._wanted:
            return  # The same discharge again.
        turn = self._left[encounter.key] = self._left.get(encounter.key, 0) + 1
        task = f"T{encounter.key[1:]}" if turn == 1 else f"T{encounter.key[1:]}-{turn}"
        dice = self._site.fates.dice("bed", task)
        self._wanted[encounter.key] = task
        unit = unit_of(encounter)
        cleaning = Cleaning(task, encounter, f"{unit}-{dice.randrange(1, 33):02d}", unit)
        self._site.plans[task] = cleaning
        pause, release = dice.uniform(20, 240), dice.uniform(2, 20) * MINUTE
        early = dice.random() < self._site.fates.rates.early
        if BEDS in self._site.names:
            self._site.agenda.at(now + pause, lambda: self._ask(cleaning, stay, early, dice.uniform(2, 12)))
        if STAFFING in self._site.names:
            self._site.agenda.at(now + release, lambda: self._release(cleaning, stay))

    def _kept(self, cleaning: Cleaning) -> bool:
        """Whether the discharge has been taken back meanwhile."""
        return self._wanted.get(cleaning.encounter.key) != cleaning.task

    def _ask(self, cleaning: Cleaning, stay: Numbers, early: bool, minutes: float) -> None:
        if self._kept(cleaning):
            return
        self._site.post(
            "evs-tasks",
            "/beds/{bed}/cleaning-tasks",
            cleaning.task,
            cleaning.encounter,
            0,
            {
                "task": cleaning.task,
                "visit": stay.visit,
                "account": stay.account,
                "unit": cleaning.unit,
                "facility": cleaning.encounter.facility,
                "priority": "stat" if cleaning.encounter.patient_class == "E" else "routine",
            },
            also(stay, document=cleaning.task),
            (25 * MINUTE, 120 * MINUTE),
            bed=cleaning.bed,
        )
        if early:
            # Somebody on the ward calls the bed free before anybody has cleaned it.
            self._site.fault(cleaning.encounter.key, "POST /beds/{bed}/status", cleaning.task, "early")
            self._free(cleaning, minutes * MINUTE)

    def _cleaned(self, number: str, document: Document, now: float) -> None:
        cleaning = self._site.plans[str(document["task"])]
        self._free(cleaning, 15 + 60 * self._site.fates.dice("free", cleaning.task).random())

    def _free(self, cleaning: Cleaning, after: float) -> None:
        self._site.post(
            "beds-status",
            "/beds/{bed}/status",
            cleaning.task,
            cleaning.encounter,
            after,
            {"status": "available", "task": cleaning.task, "unit": cleaning.unit},
            Numbers(more=(("document", cleaning.task),)),
            (30 * MINUTE, 120 * MINUTE),
            bed=cleaning.bed,
        )

    def _release(self, cleaning: Cleaning, stay: Numbers) -> None:
        if self._kept(cleaning):
            return
        hours = 4 if cleaning.encounter.patient_class == "I" else 1
        self._site.post(
            "beds-workforce",
            "/staffing-releases",
            cleaning.task,
            cleaning.encounter,
            0,
            {"visit": stay.visit, "account": stay.account, "unit": cleaning.unit, "hours": hours},
            replace(stay),
            (45 * MINUTE, 180 * MINUTE),
        )


def unit_of(encounter: Encounter) -> str:
    """The unit somebody lies in: "N-SUR" for surgery in the north."""
    kind = {"E": "ED"}.get(encounter.patient_class, encounter.service)
    return f"{encounter.facility.removeprefix('NSH-')[0]}-{kind}"
