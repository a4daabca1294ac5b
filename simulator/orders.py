"""Laboratory orders: what a stay orders, the EHR that orders and takes results, the engine's two channels.

The laboratory itself is `simulator.laboratory`. An order is known to everybody by its placer number (ORC-2);
results name no visit, as most do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from simulator import process_templates
from simulator.beds import MINUTE
from simulator.identity import Numbers
from simulator.messages import ControlIds, Identified
from simulator.model import HOUR, Encounter
from simulator.site import Site, also
from tracing.protocols import hl7v2

TESTS = ("CBC", "BMP", "TROP", "LACT", "INR")
_STAT = ("TROP", "LACT")
_MOST = {"I": 3, "E": 2, "O": 1}


@dataclass(frozen=True, slots=True)
class LabOrder:
    """One order: when it is placed, what for, and what becomes of it.

    cancelled: ORC-1 CA follows; again: a second order under a number of its own. preliminary: the result is
    never finalised. early: the result is reported before the order has reached the laboratory by interface.
    """

    placer: str
    encounter: Encounter
    at: float
    test: str
    stat: bool
    structure: str
    cancelled: bool
    preliminary: bool
    early: bool

    @property
    def message(self) -> str:
        return "ORM^O01" if self.structure == "ORM_O01" else "OML^O21"

    @property
    def filler(self) -> str:
        return f"F{self.placer[1:]}"


def orders_of(site: Site, encounter: Encounter) -> list[LabOrder]:
    """What a stay orders, in order of time."""
    if encounter.authority != "NSH":
        return []
    dice = site.fates.dice("orders", encounter.key)
    rates = site.fates.rates
    structure = "OML_O21" if encounter.facility == "NSH-SOUTH" else "ORM_O01"
    stay = encounter.discharged - encounter.admitted
    found: list[LabOrder] = []
    for n in range(dice.randint(0, _MOST[encounter.patient_class])):
        at = encounter.admitted + stay * dice.uniform(0.05, 0.8)
        test = dice.choice(TESTS)
        cancelled = dice.random() < rates.cancelled
        again = cancelled and dice.random() < 0.5
        order = LabOrder(
            f"O{encounter.key[1:]}{n}", encounter, at, test, test in _STAT, structure, cancelled,
            dice.random() < rates.preliminary, not cancelled and dice.random() < rates.early,
        )  # fmt: skip
        found.append(order)
        if again:
            found.append(
                LabOrder(
                    f"O{encounter.key[1:]}{n}R",
                    encounter,
                    at + 12 * MINUTE,
                    test,
                    order.stat,
                    structure,
                    False,
                    False,
                    False,
                )
            )
    return found


class OrderEntry:
    """The EHR: places and cancels orders, takes results."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._ids = ControlIds("ORD")
        site.expectations.append(self._expect)
        site.hl7("ehr", "ehr", "EHA").on("ORU^R01", _result_number, lambda number, message, now: None)

    def _expect(self, encounter: Encounter, since: float) -> None:
        for order in orders_of(self._site, encounter):
            self._site.plans[order.placer] = order
            if order.at >= since:
                self._site.agenda.at(order.at, partial(self._place, order, "NW"))
            if order.cancelled and order.at >= since:
                self._site.agenda.at(order.at + 4 * MINUTE, partial(self._place, order, "CA"))

    def _place(self, order: LabOrder, control: str) -> None:
        e = order.encounter
        if control == "CA":
            self._site.fault(e.key, order.message, order.placer, "cancelled")
        if order.preliminary and control == "NW":
            self._site.fault(e.key, "ORU^R01", order.placer, "preliminary")
        who = Identified.of(e, e.named(self._site.agenda.now))
        self._site.say(
            "ehr-orders", order.message, f"{order.placer}/{control}", e, 0, self._ids.next,
            writer(order, who, control, "EHR", "ENGINE"),
            also(who.numbers, order=order.placer), (20 * MINUTE, 60 * MINUTE),
            order_tags(order, who, control),
        )  # fmt: skip


class OrderChannels:
    """The engine: orders on to the laboratory, results back to the EHR, each written anew."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._ids = ControlIds("ENL")
        door = site.hl7("engine", "engine", "ACL")
        for kind in ("ORM^O01", "OML^O21"):
            door.on(kind, order_number, self._order)
        door.on("ORU^R01", _result_number, self._result)

    def _order(self, number: str, message: hl7v2.Message, now: float) -> None:
        order: LabOrder = self._site.plans[message.get("ORC-2.1") or ""]
        control = message.get("ORC-1") or ""
        who = _named(message, order)
        dice = self._site.fates.dice("order channel", number)
        self._site.say(
            "lab-orders", order.message, number, order.encounter, dice.uniform(0.5, 20), self._ids.next,
            writer(order, who, control, "ENGINE", "LAB"),
            also(who.numbers, order=order.placer), (20 * MINUTE, 90 * MINUTE),
            order_tags(order, who, control),
        )  # fmt: skip

    def _result(self, number: str, message: hl7v2.Message, now: float) -> None:
        order: LabOrder = self._site.plans[message.get("OBR-2.1") or ""]
        status = message.get("OBR-25") or ""
        dice = self._site.fates.dice("result channel", number)
        self._site.say(
            "ehr-results", "ORU^R01", number, order.encounter, dice.uniform(0.5, 20), self._ids.next,
            result_writer(order, "ENGINE", "EHR", status), result_names(order), (20 * MINUTE, 90 * MINUTE),
            (("order_control", "RE"), ("result_status", status)),
        )  # fmt: skip


def writer(
    order: LabOrder, who: Identified, control: str, sender: str, receiver: str
) -> Callable[[str, float], bytes]:
    """Writes the order under a control ID at a time."""
    priority = "S" if order.stat else "R"
    return lambda own, at: process_templates.order(
        who, sender, receiver, own, at, control, order.placer, order.test, priority, order.structure
    )


def result_writer(order: LabOrder, sender: str, receiver: str, status: str) -> Callable[[str, float], bytes]:
    """Writes a result, which names the patient and the order."""
    who = Identified.of(order.encounter, Numbers(mrn=order.encounter.mrn))
    return lambda own, at: process_templates.result(
        who, sender, receiver, own, at, order.placer, order.filler, order.test, status
    )


def result_names(order: LabOrder) -> Numbers:
    """What a result names."""
    return Numbers(mrn=order.encounter.mrn, more=(("order", order.placer), ("filler", order.filler)))


def order_tags(order: LabOrder, who: Identified, control: str) -> tuple[tuple[str, str], ...]:
    """What an order says in codes."""
    return (*who.tags, ("order_control", control), ("priority", "S" if order.stat else "R"))


def order_number(message: hl7v2.Message) -> str:
    """What an order message is about: its placer number and what is to be done."""
    return f"{message.get('ORC-2.1')}/{message.get('ORC-1')}"


def _result_number(message: hl7v2.Message) -> str:
    return f"{message.get('OBR-2.1')}/{message.get('OBR-25')}"


def _named(message: hl7v2.Message, order: LabOrder) -> Identified:
    said = Numbers(message.get("PV1-19.1") or "", message.get("PID-18.1") or "", message.get("PID-3.1") or "")
    return Identified.of(order.encounter, said)


LATE_RESULT = (5 * HOUR, 20 * HOUR)
"""After the order has reached the laboratory."""
