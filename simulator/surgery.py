"""The operating theatre's system: books and cancels cases, and tells the engine of every implant used.

What a case is decided here, in advance, from its stay. The engine passes each use on to inventory, which
knows it by account, case and charge.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from simulator import process_templates
from simulator.agenda import Action
from simulator.beds import MINUTE
from simulator.identity import Numbers
from simulator.messages import ControlIds, Identified
from simulator.model import HOUR, Encounter
from simulator.site import Site, also
from tracing.protocols import hl7v2

ITEMS = {
    "HIP-STEM-12": ("HIP-STEM-12", "HIP-CUP-54", "HIP-HEAD-36", "HIP-LINER-36"),
    "KNEE-TRAY-4": ("KNEE-TRAY-4", "KNEE-FEMUR-5", "KNEE-INSERT-9"),
    "STENT-30": ("STENT-30", "STENT-18"),
    "LENS-21D": ("LENS-21D",),
    "MESH-15": ("MESH-15", "TACKER-5"),
}
_SCREW = "SCREW-45"


@dataclass(frozen=True, slots=True)
class Implant:
    """What was implanted of one lot: its charge number, item, lot, how many and what each costs in cents."""

    charge: str
    case: str
    item: str
    lot: str
    quantity: int
    cents: int
    encounter: Encounter


@dataclass(frozen=True, slots=True)
class Case:
    """One operation: when it is booked, when it ends, what is implanted, and whether it is cancelled.

    again: whether a cancelled case is booked again, for some hours later, and then takes place.
    """

    number: str
    encounter: Encounter
    booked: float
    ends: float
    implants: tuple[Implant, ...]
    cancelled: bool
    again: bool
    partial: bool
    early: bool

    @property
    def happens(self) -> bool:
        return not self.cancelled or self.again

    @property
    def order(self) -> str:
        """Number of the purchase order that replaces what it used."""
        return f"PO{self.number[1:]}"


def case_of(site: Site, encounter: Encounter) -> Case | None:
    """The operation of a stay; None for one without implants."""
    if not encounter.item or encounter.authority != "NSH":
        return None
    dice = site.fates.dice("case", encounter.key)
    stay = encounter.discharged - encounter.admitted
    number = f"C{encounter.key[1:]}"
    items = ITEMS[encounter.item]
    count = dice.choices((1, 2, 3, 4, 12), (30, 30, 20, 15, 5))[0]
    implants = tuple(
        Implant(
            f"{number}-{n:02d}",
            number,
            items[n - 1] if n <= len(items) else _SCREW,
            f"L{dice.randrange(10**6):06d}",
            1,
            dice.randrange(15_000, 480_000),
            encounter,
        )
        for n in range(1, count + 1)
    )
    implants = tuple(
        replace(one, quantity=site.fates.dice("screws", one.charge).randint(1, 6))
        if one.item == _SCREW
        else one
        for one in implants
    )
    rates = site.fates.rates
    cancelled = dice.random() < rates.cancelled
    return Case(
        number,
        encounter,
        encounter.admitted + min(stay * 0.1, 15 * MINUTE),
        encounter.admitted + min(stay * dice.uniform(0.3, 0.6), 20 * HOUR),
        implants,
        cancelled,
        cancelled and dice.random() < 0.5,
        count > 1 and dice.random() < rates.partial * 2,
        dice.random() < rates.early,
    )


class Surgery:
    """Books cases and documents what was used."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._ids = ControlIds("SUR")
        self._said: Counter[str] = Counter()
        site.expectations.append(self._expect)

    def _expect(self, encounter: Encounter, since: float) -> None:
        case = case_of(self._site, encounter)
        if case is None:
            return
        self._site.plans[case.number] = self._site.plans[case.order] = case
        for implant in case.implants:
            self._site.plans[implant.charge] = implant
        events = [(case.booked, "S12")]
        if case.cancelled:
            events.append((case.booked + (case.ends - case.booked) * 0.3, "S15"))
        if case.again:
            events.append((case.booked + (case.ends - case.booked) * 0.5, "S12"))
        for at, event in events:
            if at >= since:
                self._site.agenda.at(at, self._booking(case, event))
        if case.happens:
            for n, implant in enumerate(case.implants):
                at = case.ends + n * 90
                if at >= since:
                    self._site.agenda.at(at, self._using(implant))

    def _booking(self, case: Case, event: str) -> Action:
        def book() -> None:
            e = case.encounter
            who = Identified.of(e, e.named(self._site.agenda.now))
            self._said[case.number] += 1
            number = f"{case.number}/{self._said[case.number]}"
            if event == "S15":
                self._site.fault(e.key, "SIU^S15", case.number, "cancelled")
            self._site.say(
                "surgery", f"SIU^{event}", number, e, 0, self._ids.next,
                lambda own, at: process_templates.surgery(
                    who, event, own, at, case.number, case.ends, e.item
                ),
                also(who.numbers, case=case.number), (30 * MINUTE, 60 * MINUTE), who.tags,
            )  # fmt: skip

        return book

    def _using(self, implant: Implant) -> Action:
        def use() -> None:
            e = implant.encounter
            who = Identified.of(e, e.named(self._site.agenda.now))
            self._site.say(
                "surgery", "DFT^P03", implant.charge, e, 0, self._ids.next,
                lambda own, at: process_templates.use(
                    who, own, at, implant.case, implant.charge, implant.item, implant.lot,
                    implant.quantity, implant.quantity * implant.cents,
                ),
                also(who.numbers, case=implant.case, charge=implant.charge), (3 * HOUR, 9 * HOUR),
                who.tags,
            )  # fmt: skip

        return use


class UseChannel:
    """The engine's channel from the theatre to inventory: every charge becomes an issue."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._booked: Counter[str] = Counter()
        door = site.hl7("engine", "engine", "ACS")
        door.on("SIU", lambda message: self._case(message), lambda number, message, now: None)
        door.on("DFT^P03", lambda message: message.get("FT1-2") or "", self._used)

    def _case(self, message: hl7v2.Message) -> str:
        return f"{message.get('PV1-50.1')}/{message.get('MSH-9.2')}"

    def _used(self, number: str, message: hl7v2.Message, now: float) -> None:
        implant: Implant = self._site.plans[number]
        case: Case = self._site.plans[implant.case]
        if case.partial and implant is case.implants[-1]:
            # Twelve used, eleven decremented: the last one is never entered.
            self._site.fault(case.encounter.key, "POST /inventory/issues", number, "partial")
            self._site.witness.lost(case.encounter.key, "POST /inventory/issues", "engine", now)
            return
        account = message.get("PID-18.1") or ""
        quantity = int(message.get("FT1-10") or 1)
        if self._site.fates.differs("POST /inventory/issues", number):
            # Somebody keys in another number than the theatre's.
            self._site.fault(case.encounter.key, "POST /inventory/issues", number, "differs")
            quantity += -1 if quantity > 1 else 1
        dice = self._site.fates.dice("issue", number)
        self._site.post(
            "inventory-issues",
            "/inventory/issues",
            number,
            case.encounter,
            dice.uniform(1, 20) * MINUTE,
            {
                "reference": account,
                "case": implant.case,
                "charge": number,
                "item": implant.item,
                "lot": implant.lot,
                "quantity": quantity,
                "total": quantity * implant.cents / 100,
                "facility": case.encounter.facility,
            },
            Numbers(account=account, more=(("case", implant.case), ("charge", number))),
            (25 * HOUR, 50 * HOUR),
        )
