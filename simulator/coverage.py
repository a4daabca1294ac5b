"""Insurance and readiness: billing asks the payer about each registration, patient access opens the account.

Three systems meet here: billing's eligibility desk (270), the payer (271), and patient access in the EHR,
which opens the account (BAR^P01) and, when no answer helps, verifies by hand (BAR^P05). The engine passes
accounts on to billing and tells the ERP what a stay will need.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial

from simulator import eligibility_files, process_templates
from simulator.beds import MINUTE, unit_of
from simulator.billing import Controls
from simulator.filing import Filed, Filing
from simulator.identity import BLANK_ACCOUNT, Numbers
from simulator.messages import ControlIds, Identified
from simulator.model import HOUR, Encounter
from simulator.roads import ELIGIBILITY
from simulator.site import Site
from tracing.protocols import hl7v2

_REGISTERED = ("A01", "A04")


@dataclass(frozen=True, slots=True)
class Inquiry:
    """One question to the payer: its trace number, whose, what was said about whom."""

    trace: str
    encounter: Encounter
    numbers: Numbers


class EligibilityDesk:
    """Billing: a 270 for each registration it hears of."""

    def __init__(self, site: Site, filing: Filing) -> None:
        self._site, self._filing = site, filing
        self._controls = Controls()
        self._asked: set[str] = set()
        site.heard.append(self._registered)

    def _registered(self, encounter: Encounter, event: str, who: Identified, now: float) -> None:
        if event not in _REGISTERED or encounter.key in self._asked or encounter.authority != "NSH":
            return
        self._asked.add(encounter.key)
        account = "" if who.account == BLANK_ACCOUNT else who.account
        inquiry = Inquiry(f"E{encounter.key[1:]}", encounter, Numbers(account=account, mrn=who.mrn))
        self._site.plans[inquiry.trace] = inquiry
        after = self._site.fates.dice("270", inquiry.trace).uniform(2, 30)
        self._filing.file("eligibility-out", "270", inquiry.trace, encounter.key, after,
                          (16 * MINUTE, 60 * MINUTE), partial(self._write, inquiry))  # fmt: skip

    def _write(self, inquiry: Inquiry, now: float) -> Filed:
        control = self._controls.next(now)
        e = inquiry.encounter
        data = eligibility_files.inquiry_270(e, inquiry.numbers, inquiry.trace, control, now)
        names = Numbers(account=inquiry.numbers.account, more=(("inquiry", inquiry.trace),))
        return Filed("270", control, data, e, names)


class Payer:
    """Answers within 20 seconds nearly always; sometimes refuses, sometimes after minutes."""

    def __init__(self, site: Site, filing: Filing) -> None:
        self._site, self._filing = site, filing
        self._controls = Controls()
        self._seen: set[str] = set()

    def receive(self, data: bytes) -> None:
        """Take a 270 and plan its answer."""
        trace = eligibility_files.trace_of(data)
        if trace in self._seen:
            return
        self._seen.add(trace)
        inquiry: Inquiry = self._site.plans[trace]
        dice = self._site.fates.dice("payer", trace)
        refused = self._site.fates.of("payer 270", trace).kind == "refused"
        after = dice.uniform(1, 17) if dice.random() < 0.97 else dice.uniform(21, 80)
        if refused:
            self._site.fault(inquiry.encounter.key, "271", trace, "refused")
        self._filing.file("eligibility-in", "271", trace, inquiry.encounter.key, after,
                          (25, 900), partial(self._write, inquiry, refused))  # fmt: skip

    def _write(self, inquiry: Inquiry, refused: bool, now: float) -> Filed:
        control = self._controls.next(now)
        e = inquiry.encounter
        data = eligibility_files.answer_271(e, inquiry.numbers, inquiry.trace, refused, control, now)
        names = Numbers(more=(("inquiry", inquiry.trace),))
        return Filed("271", control, data, e, names, *(("rejected", "72") if refused else ()))


class PatientAccess:
    """The EHR's registration desk, and the engine's channel from it to billing and the ERP."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._ids, self._channel_ids = ControlIds("REG"), ControlIds("ENR")
        self._planned: set[str] = set()
        site.expectations.append(self._expect)
        site.heard.append(self._need)
        engine = site.hl7("engine", "engine", "ACR")
        billing = site.hl7("billing-accounts", "billing", "BIA")
        for kind in ("BAR^P01", "BAR^P05"):
            engine.on(kind, self._number, self._forward)
            billing.on(kind, self._number, lambda number, message, now: None)

    def _number(self, message: hl7v2.Message) -> str:
        encounter = self._site.book.of_message(message.control_id)
        return f"{encounter.key if encounter else ''}/{message.get('MSH-9.2')}"

    def _expect(self, encounter: Encounter, since: float) -> None:
        if encounter.authority != "NSH":
            return
        dice = self._site.fates.dice("access", encounter.key)
        opened = encounter.admitted + min(
            dice.uniform(1, 6) * MINUTE, (encounter.discharged - encounter.admitted) / 2
        )
        by_hand = encounter.admitted + dice.uniform(15, 50) * MINUTE
        helped = dice.random() < 0.7
        if opened >= since:
            self._site.agenda.at(opened, partial(self._open, encounter, "P01"))
        if helped and by_hand >= since and self._unanswered(encounter):
            self._site.agenda.at(by_hand, partial(self._open, encounter, "P05"))

    def _unanswered(self, encounter: Encounter) -> bool:
        """Whether the payer's answer will not help: both sides' dice say so, as they do to the systems."""
        trace = f"E{encounter.key[1:]}"
        kinds = {
            self._site.fates.of("payer 270", trace).kind,
            self._site.fates.of("billing 271", trace).kind,
        }
        return ELIGIBILITY not in self._site.names or bool(kinds & {"lost", "refused", "late"})

    def _open(self, encounter: Encounter, event: str) -> None:
        who = Identified.of(encounter, encounter.named(self._site.agenda.now))
        self._site.say(
            "ehr-adt", f"BAR^{event}", f"{encounter.key}/{event}", encounter, 0, self._ids.next,
            lambda own, at: process_templates.account(who, event, "EHR", "ENGINE", own, at),
            who.numbers, (20 * MINUTE, 80 * MINUTE), who.tags,
        )  # fmt: skip

    def _forward(self, number: str, message: hl7v2.Message, now: float) -> None:
        encounter = self._site.book.of_message(message.control_id)
        if encounter is None:
            return
        event = message.get("MSH-9.2") or ""
        said = Numbers(
            message.get("PV1-19.1") or "", message.get("PID-18.1") or "", message.get("PID-3.1") or ""
        )
        who = Identified.of(encounter, said)
        self._site.say(
            "billing-dft", f"BAR^{event}", number, encounter, 1.5, self._channel_ids.next,
            lambda own, at: process_templates.account(who, event, "ENGINE", "BILLING", own, at),
            who.numbers, (20 * MINUTE, 80 * MINUTE), who.tags,
        )  # fmt: skip

    def _need(self, encounter: Encounter, event: str, who: Identified, now: float) -> None:
        """What a stay is expected to need, for the ERP's planning."""
        if event not in _REGISTERED or encounter.key in self._planned or encounter.authority != "NSH":
            return
        self._planned.add(encounter.key)
        dice = self._site.fates.dice("need", encounter.key)
        if encounter.item:
            self._demand(encounter, who, "/supply-demands", "SD", dice.uniform(2, 40),
                         {"item": encounter.item, "quantity": 1})  # fmt: skip
        if encounter.patient_class == "I":
            days = max(1, round((encounter.discharged - encounter.admitted) / 86400))
            self._demand(encounter, who, "/staffing-demands", "ND", dice.uniform(2, 40),
                         {"unit": unit_of(encounter), "hours": 6 * days})  # fmt: skip

    def _demand(
        self, encounter: Encounter, who: Identified, path: str, prefix: str, minutes: float,
        document: dict[str, object],
    ) -> None:  # fmt: skip
        account = encounter.account if who.account in ("", BLANK_ACCOUNT) else who.account
        requisition = f"{prefix}{encounter.key[1:]}"
        self._site.post(
            "erp-journals", path, requisition, encounter, minutes * MINUTE,
            {"reference": account, "requisition": requisition, "facility": encounter.facility, **document},
            Numbers(account=account), (65 * MINUTE, 4 * HOUR),
        )  # fmt: skip


def is_of_processes(body: bytes) -> bool:
    """Whether a document at the ERP's door is one of the processes': those name a case or a requisition."""
    try:
        document = json.loads(body)
    except ValueError:
        return False
    return isinstance(document, dict) and ("case" in document or "requisition" in document)
