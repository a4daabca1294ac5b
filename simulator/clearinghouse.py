"""The clearing house: answers each 837 file with a 999, a 277CA and, days later, an 835.

Given each file as it arrives in the folder; hands its answers to `deliver(kind, control, data, claims)`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

from simulator import claim_files
from simulator.agenda import Agenda
from simulator.billing import Controls
from simulator.claim_files import Claim, Submission
from simulator.model import DAY, Trait
from simulator.population import Casebook
from simulator.site import Site

Deliver = Callable[[str, str, bytes, tuple[Claim, ...]], None]


class ClearingHouse:
    """Plans three answers to each submission, by dice of the submission's own control number."""

    def __init__(self, agenda: Agenda, book: Casebook, deliver: Deliver) -> None:
        self._agenda, self._book, self._deliver = agenda, book, deliver
        self._controls = Controls()
        self._site: Site | None = None

    def join(self, site: Site) -> None:
        """Take part in processes: answers may be lost, come late or twice."""
        self._site = site

    def receive(self, data: bytes) -> None:
        """Take an 837 file of this hospital's billing and plan its answers."""
        now = self._agenda.now
        control, accounts = claim_files.accounts_837(data)
        whose = [self._book.of_claim(account) for account in accounts]
        claims = tuple(Claim.of(encounter, now) for encounter in whose if encounter is not None)
        submission = Submission(control, claims, now)
        dice = random.Random(f"{self._book.population.seed}|{submission.control}")
        receipt = now + dice.uniform(8, 60)
        status = receipt + dice.uniform(60, 1200)
        if any(Trait.OUT_OF_ORDER in self._traits(claim.key) for claim in submission.claims):
            receipt, status = status, receipt
        self._plan(receipt, "999", submission)
        self._plan(status, "277CA", submission)
        if any(not claim.rejected for claim in submission.claims):
            self._plan(now + dice.uniform(1.5, 9) * DAY, "835", submission)

    def _traits(self, key: str) -> frozenset[Trait]:
        encounter = self._book.encounters.get(key)
        return encounter.traits if encounter else frozenset()

    def _plan(self, at: float, kind: str, submission: Submission) -> None:
        fate = self._site.fates.of(f"billing {kind}", submission.control) if self._site else None
        if self._site is None or fate is None or fate.kind not in ("lost", "late", "twice"):
            self._agenda.at(at, lambda: self._answer(kind, submission))
            return
        for claim in submission.claims:
            self._site.fault(claim.key, kind, submission.control, fate.kind)
            if fate.kind == "lost":
                self._site.witness.lost(claim.key, kind, "clearinghouse", self._agenda.now)
        if fate.kind == "late":
            at += (2 + 3 * fate.first) * DAY if kind != "835" else (30 + 10 * fate.first) * DAY
        for n in range({"lost": 0, "late": 1, "twice": 2}[fate.kind]):
            self._agenda.at(at + 90 * n, lambda: self._answer(kind, submission))

    def _misread(self, submission: Submission) -> frozenset[str]:
        """The claims whose charge the payer has wrong, by key."""
        if self._site is None:
            return frozenset()
        differs = self._site.fates.differs
        paid = (one for one in submission.claims if not one.rejected)
        return frozenset(one.key for one in paid if differs("835", one.account))

    def _answer(self, kind: str, submission: Submission) -> None:
        now = self._agenda.now
        control = self._controls.next(now)
        misread = self._misread(submission) if kind == "835" else frozenset()
        write: dict[str, Callable[[Submission, str, float], bytes]] = {
            "999": claim_files.acknowledgement_999,
            "277CA": claim_files.status_277ca,
            "835": partial(claim_files.remittance_835, misread=misread),
        }
        for claim in submission.claims:
            if self._site is not None and claim.key in misread:
                self._site.fault(claim.key, "835", claim.account, "differs")
        claims = tuple(c for c in submission.claims if kind != "835" or not c.rejected)
        self._deliver(kind, control, write[kind](submission, control, now), claims)
