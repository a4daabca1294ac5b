"""A deliberately ordinary interface engine: acknowledges on receipt, queues, transforms by template, retries.

What it sends is built anew from templates, so Z-segments and original control IDs are gone. One ordered lane
per destination; what a destination keeps refusing goes to an error queue, from where somebody may send it
again.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

from simulator import messages
from simulator.agenda import Agenda
from simulator.doors import Hl7Door
from simulator.hops import BILLING, ERP, Answer, Delivery, Witness
from simulator.identity import BLANK_ACCOUNT, BLANK_VISIT, Notice, Numbers, Story
from simulator.lanes import Lane
from simulator.messages import ControlIds, Identified, Refusal
from simulator.model import Encounter, Fault, Trait
from simulator.population import Casebook
from simulator.roads import IMPLANTS
from simulator.site import Site
from tracing.protocols import hl7v2

_RETRY_SECONDS = (2.0, 4.0, 8.0)
_BUSY = Refusal("AE", "207", "Application internal error")
_REPROCESSED_AT_MOST = 3


class Engine:
    """Takes ADT from the EHR; sends ADT and DFT to billing, journals, issues and orders to the ERP."""

    def __init__(self, agenda: Agenda, book: Casebook, billing: Lane, erp: Lane, witness: Witness) -> None:
        self._agenda, self._book, self._witness = agenda, book, witness
        self._lanes = {BILLING: billing, ERP: erp}
        self._ids = ControlIds("ENG")
        self._ack_ids = ControlIds("ACK")
        self._refused: set[str] = set()
        self._reprocessed: Counter[str] = Counter()
        self._discharges: Counter[str] = Counter()
        self._site: Site | None = None

    def join(self, site: Site) -> None:
        """Take part in processes: their channels hear of every ADT, and take what is no ADT."""
        self._site = site

    def receive(self, payload: bytes) -> bytes | None:
        """The acknowledgement of an inbound message, after queueing what follows from it; None if not HL7."""
        try:
            message = hl7v2.parse(payload)
        except hl7v2.NotHL7:
            return None
        door = self._site.doors.get("engine") if self._site else None
        if isinstance(door, Hl7Door) and door.takes(message):
            return door.receive(payload)
        now = self._agenda.now
        event = message.get("MSH-9.2") or ""
        encounter = self._book.of_message(message.control_id)
        refusal = None
        if encounter is not None:
            if event == "A03" and self._refuses(encounter):
                refusal = _BUSY
            else:
                self._route(encounter, event, _identified(message), now)
        ack_id = self._ack_ids.next(now)
        sender = message.get("MSH-3") or ""
        return messages.ack(event, "ENGINE", sender, message.control_id, ack_id, now, refusal)

    def answered(self, delivery: Delivery, answer: Answer) -> float | None:
        """Repeat a server's failure soon and in order; put refusals and lasting failures aside."""
        if answer.outcome == "accepted":
            return None
        if answer.outcome == "error" and delivery.path and delivery.attempts <= len(_RETRY_SECONDS):
            return _RETRY_SECONDS[delivery.attempts - 1]
        # A message of nobody's encounter is about somebody all the same.
        encounter = self._book.of_message(delivery.control_id) or self._book.encounters[delivery.encounter]
        after = self._put_right_at(encounter, delivery)
        key = f"{delivery.interface}|{encounter.key}|{delivery.message}|{delivery.control_id}"
        if after is not None and self._reprocessed[key] < _REPROCESSED_AT_MOST:
            self._reprocessed[key] += 1
            delivery.attempts = 0
            self._agenda.at(after, lambda: self._lanes[delivery.interface].put(delivery))
        return None

    def _put_right_at(self, encounter: Encounter, delivery: Delivery) -> float | None:
        """When somebody sends it again from the error queue; None is never."""
        now = self._agenda.now
        concerned = {
            Fault.BILLING_REFUSED: BILLING,
            Fault.ERP_REFUSED: ERP,
            Fault.ERP_UNAVAILABLE: ERP,
        }.get(encounter.fault)
        if concerned == delivery.interface and not encounter.quick_failures:
            if encounter.recovers_after is None:
                return None
            return max(encounter.discharged + encounter.recovers_after, now + 30)
        # Nothing of its own is wrong with it: the destination was down, and its queue is sent again
        # some time later, by the encounter's number so that it is the same in every run.
        return now + 2400 + int(encounter.key[-3:]) * 4

    def _refuses(self, encounter: Encounter) -> bool:
        if encounter.fault is not Fault.ENGINE_REFUSED:
            return False
        if encounter.recovers_after is not None and encounter.key in self._refused:
            return False
        self._refused.add(encounter.key)
        return True

    def _route(self, encounter: Encounter, event: str, who: Identified, now: float) -> None:
        if self._site is not None:
            for hear in self._site.heard:
                hear(encounter, event, who, now)
        if event != "A03":
            self._later(now + 1.5, encounter, BILLING, f"ADT^{event}", who)
            return
        self._discharges[encounter.key] += 1
        lost = encounter.where if encounter.fault is Fault.LOST_IN_ENGINE else ""
        charges = ["DFT^P03", "DFT^P03"] if Trait.DUPLICATE_CHARGE in encounter.traits else ["DFT^P03"]
        if encounter.facility == "NSH-SOUTH":
            # The south's billing wants to see the discharge itself before its charges.
            odd = Trait.OUT_OF_ORDER in encounter.traits
            charges = [*charges, "ADT^A03"] if odd else ["ADT^A03", *charges]
        for n, message in enumerate(charges):
            at = now + encounter.billing_delay + n * 0.8
            self._later(at, encounter, BILLING, message, who, lost in ("billing", "both"))
        for n, path in enumerate(self._documents(encounter)):
            at = now + encounter.erp_delay + n * 2.0
            self._later(at, encounter, ERP, f"POST {path}", who, lost in ("erp", "both"))

    def _documents(self, encounter: Encounter) -> list[str]:
        if encounter.authority != "NSH":
            # The other house keeps its books elsewhere.
            return []
        paths = ["/journals"]
        if self._site is not None and IMPLANTS in self._site.names:
            return paths  # Inventory has the rest from the theatre.
        if encounter.item:
            paths.append("/inventory/issues")
        if encounter.implant:
            paths.append("/purchase-orders")
        return paths

    def _later(
        self, at: float, encounter: Encounter, road: str, message: str, who: Identified, lost: bool = False
    ) -> None:
        number = self._discharges[encounter.key]
        self._agenda.at(at, lambda: self._emit(encounter, road, message, who, number, lost))

    def _emit(
        self, encounter: Encounter, road: str, message: str, who: Identified, number: int, lost: bool
    ) -> None:
        now = self._agenda.now
        if lost:
            self._witness.lost(encounter.key, message, "engine", now)
            return
        if message.startswith("POST "):
            path = message.removeprefix("POST ")
            account = self._account(encounter, who)
            document = _document(encounter, path, number, account)
            if path == "/journals" and self._site and self._site.fates.differs(message, encounter.key):
                # A digit is lost between the systems.
                self._site.fault(encounter.key, message, str(document["document"]), "differs")
                document["total"] = encounter.cents // 10 / 100
            body = json.dumps(document).encode()
            names, persons = Numbers(account=account), (encounter.person,)
            tags = (("cost_centre", str(document.get("cost_centre", ""))),)
            self._lanes[road].put(
                Delivery(road, encounter.key, message, "", body, path, 0, names, persons, tags)
            )
            return
        control_id = self._ids.next(now)
        self._book.sent(control_id, encounter)
        who = self._for_billing(encounter, message, who)
        written = who
        if encounter.story is Story.SWAPPED:
            written = replace(who, visit=who.account, account=who.visit)
        if message == "DFT^P03":
            body = messages.dft(written, encounter.amount, control_id, now)
        else:
            body = messages.adt(message.removeprefix("ADT^"), written, "ENGINE", "BILLING", control_id, now)
        notice = _notice(encounter, message, who)
        attached = notice is None or notice.attached
        self._lanes[road].put(
            Delivery(
                interface=road,
                encounter=encounter.key if attached else "",
                message=message,
                control_id=control_id,
                body=body,
                names=who.numbers,
                tags=who.tags,
                persons=notice.persons if notice else (encounter.person,),
            )
        )

    def _account(self, encounter: Encounter, who: Identified) -> str:
        """The account the discharge named; failing that, the one the hospital's books have."""
        if who.account in ("", BLANK_ACCOUNT):
            return encounter.named(self._agenda.now).account or encounter.account
        return who.account

    def _for_billing(self, encounter: Encounter, message: str, who: Identified) -> Identified:
        """What the templates of this road make of the numbers, spoiled as the encounter's story wants it."""
        charge = message == "DFT^P03"
        match encounter.story:
            case Story.NONE if charge and Trait.WRONG_VISIT_ON_CHARGE in encounter.traits:
                return replace(who, visit=encounter.wrong_visit)
            case Story.STRANGERS_VISIT if charge:
                return replace(who, visit=encounter.variant)
            case Story.VISIT_CHANGED if charge and encounter.variant.endswith("unlearned"):
                return replace(who, visit=encounter.spells[0].numbers.visit)
            case Story.LATE_LINK if charge:
                return replace(who, visit="", account=self._account(encounter, who))
            case Story.MRN_ONLY if charge and encounter.variant == "charge":
                return replace(who, visit="", account="")
            case Story.MRN_ONLY if charge and encounter.variant == "blank charge":
                return replace(who, visit=BLANK_VISIT, account=BLANK_ACCOUNT)
            case Story.MRN_ONLY if message == "ADT^A01" and encounter.variant == "admission":
                return replace(who, visit="", account="")
        return who


def _notice(encounter: Encounter, message: str, who: Identified) -> Notice | None:
    """The notice about identity that a forwarded message repeats."""
    for notice in encounter.notices:
        if message == f"ADT^{notice.event}" and notice.now == who.numbers:
            return notice
    return None


def _identified(message: hl7v2.Message) -> Identified:
    """What the inbound message says, wrong or missing numbers included: an engine believes its source."""
    return Identified(
        visit=message.get("PV1-19.1") or "",
        account=message.get("PID-18.1") or "",
        mrn=message.get("PID-3.1") or "",
        given=message.get("PID-5.2") or "",
        facility=message.get("MSH-4") or "",
        patient_class=message.get("PV1-2") or "",
        admitted=message.get("PV1-44") or "",
        service=message.get("PV1-10") or "",
        authority=message.get("PID-3.4") or "",
        prior=Numbers(
            visit=message.get("MRG-5.1") or "",
            account=message.get("MRG-3.1") or "",
            mrn=message.get("MRG-1.1") or "",
        ),
        other=message.get("PID[2]-3.1") or "",
    )


def _document(encounter: Encounter, path: str, number: int, account: str) -> dict[str, object]:
    """The JSON body for the ERP; `total` in dollars, `number` counts the discharges of the stay."""
    if path == "/journals":
        return {
            "reference": account,
            "document": f"{encounter.key}-{number}",
            "total": encounter.cents / 100,
            "currency": "USD",
            "cost_centre": "CC-9999" if encounter.fault is Fault.ERP_REFUSED else "CC-4100",
            "facility": encounter.facility,
        }
    line = {"item": encounter.item, "quantity": 1, "facility": encounter.facility}
    if path == "/purchase-orders":
        return {"reference": account, "supplier": "S-200", "lines": [line]}
    return {"reference": account, "case": f"C{encounter.key[1:]}", **line}
