"""What a witness sees: a message and its answer on one road, and what was lost on the way.

Produced by the lanes and folders, consumed by recordings and truth. Names the roads as the taps do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from simulator.identity import UNNAMED, Numbers
from tracing.protocols import hl7v2

EHR_ADT = "ehr-adt"
BILLING = "billing-dft"
ERP = "erp-journals"
CLAIMS_OUT = "claims-out"
CLAIMS_IN = "claims-in"


@dataclass(slots=True)
class Delivery:
    """A message on its way over one lane. `path` is set for HTTP (always POST), empty for MLLP.

    encounter: the key of the encounter it belongs to, empty when it belongs to none. names: the numbers it
    carries, wherever it carries them. persons: whom it is truly about. tags: its coded attributes, as
    its road's tap names them. told: who is told the answer, if not the system that the lane belongs to.
    """

    interface: str
    encounter: str
    message: str
    control_id: str
    body: bytes
    path: str = ""
    attempts: int = 0
    names: Numbers = UNNAMED
    persons: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    told: Callable[[Delivery, Answer], float | None] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: `code` is MSA-1 or the HTTP status as text, `reason` a coded reason or empty."""

    code: str
    body: bytes
    reason: str = ""

    @property
    def outcome(self) -> str:
        """accepted, rejected or error, as acknowledgement codes (HL7 table 0008) and HTTP classes mean it."""
        if self.code in ("AA", "CA") or self.code.startswith("2"):
            return "accepted"
        return "rejected" if self.code in ("AR", "CR") or self.code.startswith("4") else "error"


@dataclass(frozen=True, slots=True)
class Hop:
    """One exchange on one road as a tap beside it would see it; times in Unix seconds.

    request, response: message bodies without MLLP framing; response is None when nothing came back.
    method, path, status: HTTP only. name: a file's name, folders only.
    encounters: whom it concerned, by key; names: the numbers it carried of each; persons: whom it is truly
    about, all of them; tags: its coded attributes; refused: of whom a file says no (for the truth,
    never part of a recording).
    """

    interface: str
    protocol: str
    start: float
    end: float
    request: bytes
    response: bytes | None = None
    method: str = ""
    path: str = ""
    status: int = 0
    outcome: str = "accepted"
    code: str = ""
    reason: str = ""
    message: str = ""
    control_id: str = ""
    encounters: tuple[str, ...] = field(default=())
    names: tuple[Numbers, ...] = field(default=())
    persons: tuple[str, ...] = field(default=())
    tags: tuple[tuple[str, str], ...] = field(default=())
    refused: frozenset[str] = frozenset()


class Witness(Protocol):
    """Whoever is told what really happened."""

    def hop(self, hop: Hop) -> None: ...

    def lost(self, encounter: str, message: str, where: str, at: float) -> None: ...

    def fault(self, owner: str, message: str, number: str, fault: str, at: float) -> None: ...


class Relay:
    """A witness that passes on to another one, which may be exchanged."""

    def __init__(self, to: Witness) -> None:
        self.to = to

    def hop(self, hop: Hop) -> None:
        self.to.hop(hop)

    def lost(self, encounter: str, message: str, where: str, at: float) -> None:
        self.to.lost(encounter, message, where, at)

    def fault(self, owner: str, message: str, number: str, fault: str, at: float) -> None:
        self.to.fault(owner, message, number, fault, at)


class Nobody:
    """A witness that forgets: for passing through history on the way to live."""

    def hop(self, hop: Hop) -> None:
        return

    def lost(self, encounter: str, message: str, where: str, at: float) -> None:
        return

    def fault(self, owner: str, message: str, number: str, fault: str, at: float) -> None:
        return


def exchanged(delivery: Delivery, start: float, end: float, answer: Answer | None) -> Hop:
    """The hop of one attempt to deliver; `answer` None means the connection broke or nothing came back."""
    http = bool(delivery.path)
    return Hop(
        interface=delivery.interface,
        protocol="http" if http else "mllp",
        start=start,
        end=end,
        request=delivery.body,
        response=None if answer is None else answer.body,
        method="POST" if http else "",
        path=delivery.path,
        status=int(answer.code) if http and answer else 0,
        outcome="none" if answer is None else answer.outcome,
        code="" if answer is None else answer.code,
        reason="" if answer is None else answer.reason,
        message=delivery.message,
        control_id=delivery.control_id,
        encounters=(delivery.encounter,) if delivery.encounter else (),
        names=(delivery.names,),
        persons=delivery.persons,
        tags=delivery.tags,
    )


def hl7_answer(payload: bytes | None) -> Answer | None:
    """What an acknowledgement payload says; None for none."""
    if payload is None:
        return None
    message = hl7v2.parse(payload)
    return Answer(message.ack_code, payload, message.error_code)


def http_answer(status: int, body: bytes) -> Answer:
    """What an HTTP response says; the coded reason is the JSON member `code`."""
    reason = ""
    if status >= 400 and body.startswith(b'{"code": "'):
        reason = body.split(b'"', 4)[3].decode("ascii", "replace")
    return Answer(str(status), body, reason)
