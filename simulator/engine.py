"""A deliberately ordinary interface engine: acknowledges on receipt, queues, transforms by template, retries.

What it sends is built anew from templates, so Z-segments and original control IDs are gone. One ordered lane
per destination; what a destination keeps refusing goes to an error queue, from where somebody may send it
again.
"""

from __future__ import annotations

import json
from collections import Counter

from simulator import messages
from simulator.agenda import Agenda
from simulator.hops import BILLING, ERP, Answer, Delivery, Witness
from simulator.lanes import Lane
from simulator.messages import ControlIds, Identified, Refusal
from simulator.model import Encounter, Fault, Trait
from simulator.population import Casebook
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

    def receive(self, payload: bytes) -> bytes | None:
        """The acknowledgement of an inbound message, after queueing what follows from it; None if not HL7."""
        try:
            message = hl7v2.parse(payload)
        except hl7v2.NotHL7:
            return None
        now = self._agenda.now
        event = message.get("MSH-9.2") or ""
        account = message.get("PID-18.1") or ""
        encounter = self._book.by_account.get(account)
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
        encounter = self._book.by_account[delivery.account]
        after = self._put_right_at(encounter, delivery)
        key = f"{delivery.interface}|{delivery.account}|{delivery.message}|{delivery.control_id}"
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
        # some time later, by the account's number so that it is the same in every run.
        return now + 2400 + int(delivery.account[-3:]) * 4

    def _refuses(self, encounter: Encounter) -> bool:
        if encounter.fault is not Fault.ENGINE_REFUSED:
            return False
        if encounter.recovers_after is not None and encounter.account in self._refused:
            return False
        self._refused.add(encounter.account)
        return True

    def _route(self, encounter: Encounter, event: str, who: Identified, now: float) -> None:
        if event != "A03":
            self._later(now + 1.5, encounter, BILLING, f"ADT^{event}", who)
            return
        self._discharges[encounter.account] += 1
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
        paths = ["/journals"]
        if encounter.item:
            paths.append("/inventory/issues")
        if encounter.implant:
            paths.append("/purchase-orders")
        return paths

    def _later(
        self, at: float, encounter: Encounter, road: str, message: str, who: Identified, lost: bool = False
    ) -> None:
        number = self._discharges[encounter.account]
        self._agenda.at(at, lambda: self._emit(encounter, road, message, who, number, lost))

    def _emit(
        self, encounter: Encounter, road: str, message: str, who: Identified, number: int, lost: bool
    ) -> None:
        now = self._agenda.now
        if lost:
            self._witness.lost(encounter.account, message, "engine", now)
            return
        control_id, path = self._ids.next(now), ""
        if message.startswith("POST "):
            path = message.removeprefix("POST ")
            control_id = ""
            body = json.dumps(_document(encounter, path, number)).encode()
        elif message == "DFT^P03":
            if Trait.WRONG_VISIT_ON_CHARGE in encounter.traits:
                who = Identified.of(encounter, encounter.wrong_visit)
            body = messages.dft(who, encounter.amount, control_id, now)
        else:
            body = messages.adt(message.removeprefix("ADT^"), who, "ENGINE", "BILLING", control_id, now)
        self._lanes[road].put(Delivery(road, encounter.account, message, control_id, body, path))


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
    )


def _document(encounter: Encounter, path: str, number: int) -> dict[str, object]:
    """The JSON body for the ERP; `total` in dollars, `number` counts the discharges of the account."""
    if path == "/journals":
        return {
            "reference": encounter.account,
            "document": f"{encounter.account}-{number}",
            "total": encounter.cents / 100,
            "currency": "USD",
            "cost_centre": "CC-9999" if encounter.fault is Fault.ERP_REFUSED else "CC-4100",
            "facility": encounter.facility,
        }
    line = {"item": encounter.item, "quantity": 1, "facility": encounter.facility}
    if path == "/purchase-orders":
        return {"reference": encounter.account, "supplier": "S-200", "lines": [line]}
    return {"reference": encounter.account, "case": f"C{encounter.visit[1:]}", **line}
