"""HL7 v2 messages as the EHR, the engine and the acknowledging systems write them.

Called by the systems; structure comes from `simulator.templates`. Control IDs come from the sender's own
`ControlIds` and never contain anything of the patient.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from simulator import identity_templates, templates
from simulator.identity import UNNAMED, Numbers
from simulator.model import Encounter


class ControlIds:
    """Control IDs of one sender: a prefix and the microsecond, never twice, at most 20 characters."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._last = 0

    def next(self, now: float) -> str:
        self._last = max(int(now * 1_000_000), self._last + 1)
        return f"{self._prefix}{self._last}"


def timestamp(moment: float) -> str:
    """HL7 DTM with seconds and offset (2.A.22), in UTC."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y%m%d%H%M%S+0000")


@dataclass(frozen=True, slots=True)
class Identified:
    """What a message says about whom it concerns; `visit` and `account` are empty when they are missing.

    prior: the earlier numbers (MRG) and `other` the second patient of messages about identity.
    """

    visit: str
    account: str
    mrn: str
    given: str
    facility: str
    patient_class: str
    admitted: str
    authority: str = "NSH"
    prior: Numbers = UNNAMED
    other: str = ""
    service: str = "MED"

    @classmethod
    def of(cls, encounter: Encounter, numbers: Numbers) -> Identified:
        return cls(
            numbers.visit,
            numbers.account,
            numbers.mrn,
            encounter.given,
            encounter.facility,
            encounter.patient_class,
            timestamp(encounter.admitted),
            encounter.authority,
            service=encounter.service,
        )

    @property
    def numbers(self) -> Numbers:
        return Numbers(self.visit, self.account, self.mrn)

    @property
    def tags(self) -> tuple[tuple[str, str], ...]:
        """What a message with PV1 says in codes."""
        return ("patient_class", self.patient_class), ("service", self.service)

    def values(self) -> dict[str, str]:
        return {
            "visit": self.visit,
            "account": self.account,
            "mrn": self.mrn,
            "given": self.given,
            "facility": self.facility,
            "patient_class": self.patient_class,
            "admitted": self.admitted,
            "authority": self.authority,
            "prior_visit": self.prior.visit,
            "prior_account": self.prior.account,
            "prior_mrn": self.prior.mrn,
            "other": self.other,
            "service": self.service,
        }


def adt(event: str, who: Identified, sender: str, receiver: str, control_id: str, now: float) -> bytes:
    """An ADT message; of those about a stay the sender "EHR" writes a long form with its Z-segment."""
    template = (
        identity_templates.notice(
            event,
            bool(who.visit),
            bool(who.account),
            bool(who.prior.visit),
            bool(who.prior.account),
            bool(who.prior.mrn),
        )
        if event in identity_templates.STRUCTURES
        else templates.adt(event, sender == "EHR", bool(who.visit), bool(who.account))
    )
    return template.fill(
        {
            **who.values(),
            "sender": sender,
            "receiver": receiver,
            "control_id": control_id,
            "now": timestamp(now),
            "event_time": timestamp(now),
        }
    )


def dft(who: Identified, amount: str, control_id: str, now: float) -> bytes:
    """The engine's DFT^P03 to billing; `amount` in dollars as text."""
    return templates.dft(bool(who.visit), bool(who.account)).fill(
        {
            **who.values(),
            "sender": "ENGINE",
            "receiver": "BILLING",
            "control_id": control_id,
            "now": timestamp(now),
            "event_time": timestamp(now),
            "transaction": f"T{control_id}",
            "amount": amount,
        }
    )


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a message was refused: acknowledgement code (AE, AR) and error code of HL7 table 0357."""

    code: str
    error: str
    text: str


def ack(
    event: str, system: str, sender: str, acknowledged: str, control_id: str, now: float, no: Refusal | None
) -> bytes:
    """`system` answers `sender`: AA, or the refusal's code with an ERR segment. MSA-2 repeats MSH-10."""
    values = {
        "sender": system,
        "receiver": sender,
        "facility": "NSH",
        "control_id": control_id,
        "now": timestamp(now),
        "code": no.code if no else "AA",
        "acknowledged": acknowledged,
    }
    if no:
        values |= {"error": no.error, "error_text": no.text}
    return templates.ack(event, no is not None).fill(values)
