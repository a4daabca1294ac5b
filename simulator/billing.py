"""Billing: takes charges, acknowledges or refuses them, and writes 837 claim files some time later.

Decides acknowledgements and claim runs; `mllp_sockets` listens and a folder takes the files. A claim exists
only for charges that billing accepted.
"""

from __future__ import annotations

from collections.abc import Callable

from simulator import messages
from simulator.agenda import Agenda
from simulator.claim_files import Claim, Submission
from simulator.doors import Hl7Door
from simulator.messages import ControlIds, Refusal
from simulator.model import HOUR, Encounter, Fault
from simulator.population import Casebook
from tracing.protocols import hl7v2

_RUN_EVERY = HOUR
_CLAIMS_PER_FILE = 100
_ON_HOLD = Refusal("AE", "204", "Unknown key identifier")


class Controls:
    """Interchange control numbers: nine digits made of the second, never twice from one sender."""

    def __init__(self) -> None:
        self._last = 0

    def next(self, now: float) -> str:
        self._last = max(int(now) % 10**9, self._last + 1)
        return f"{self._last:09d}"


class Billing:
    """Answers messages and submits claims through `submit(submission)`."""

    def __init__(self, agenda: Agenda, book: Casebook, submit: Callable[[Submission], None]) -> None:
        self._agenda, self._book, self._submit = agenda, book, submit
        self._ack_ids = ControlIds("BIL")
        self._controls = Controls()
        self._due: dict[str, float] = {}
        self._run: dict[str, Encounter] = {}
        self._run_planned = False
        self._claimed: set[str] = set()
        self.accounts: Hl7Door | None = None
        """Who takes accounts (BAR), where there are any."""

    def receive(self, payload: bytes) -> bytes | None:
        """The acknowledgement of a message; None when it is not HL7."""
        try:
            message = hl7v2.parse(payload)
        except hl7v2.NotHL7:
            return None
        if self.accounts is not None and self.accounts.takes(message):
            return self.accounts.receive(payload)
        now = self._agenda.now
        event = message.get("MSH-9.2") or ""
        encounter = self._book.of_message(message.control_id)
        refusal = None
        if encounter is not None:
            if event in ("A03", "P03") and self._refuses(encounter, now):
                refusal = _ON_HOLD
            elif event == "P03":
                self._charge(encounter, now)
            elif event == "A13":
                self._hold(encounter)
        ack_id = self._ack_ids.next(now)
        sender = message.get("MSH-3") or ""
        return messages.ack(event, "BILLING", sender, message.control_id, ack_id, now, refusal)

    def _refuses(self, encounter: Encounter, now: float) -> bool:
        if encounter.fault is not Fault.BILLING_REFUSED:
            return False
        waits = encounter.recovers_after
        return waits is None or now < encounter.discharged + waits

    def _charge(self, encounter: Encounter, now: float) -> None:
        key = encounter.key
        if not encounter.claimed() or encounter.fault is Fault.CLAIM_LOST:
            return
        if key in self._claimed or key in self._due:
            return
        delay = encounter.claim_delay
        if encounter.claim_at_once:
            # Complete from the start, so it goes out alone within minutes: between 3 and 8.
            delay = 180 + delay % 300
        due = now + delay
        self._due[key] = due
        self._agenda.at(due, lambda: self._ready(encounter, due))

    def _hold(self, encounter: Encounter) -> None:
        """A cancelled discharge takes back a claim that has not left yet."""
        self._due.pop(encounter.key, None)
        self._run.pop(encounter.key, None)

    def _ready(self, encounter: Encounter, due: float) -> None:
        if self._due.get(encounter.key) != due:
            return
        if encounter.claim_at_once:
            self._file([encounter])
            return
        self._run[encounter.key] = encounter
        if not self._run_planned:
            self._run_planned = True
            now = self._agenda.now
            self._agenda.at(now - now % _RUN_EVERY + _RUN_EVERY, self._claim_run)

    def _claim_run(self) -> None:
        self._run_planned = False
        waiting = list(self._run.values())
        self._run.clear()
        for n in range(0, len(waiting), _CLAIMS_PER_FILE):
            self._file(waiting[n : n + _CLAIMS_PER_FILE])

    def _file(self, encounters: list[Encounter]) -> None:
        now = self._agenda.now
        claims = tuple(Claim.of(encounter, now) for encounter in encounters)
        for encounter, claim in zip(encounters, claims, strict=True):
            self._due.pop(encounter.key, None)
            self._claimed.add(encounter.key)
            self._book.claimed(claim.account, encounter)
        self._submit(Submission(self._controls.next(now), claims, now))
