"""The whole hospital wired together: five systems, one agenda, one casebook, lanes and folders between them.

`history` runs it on virtual lanes; `live` continues the very same object on sockets and folders. What a
system decides is therefore the same in both.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from simulator import claim_files
from simulator.agenda import Agenda
from simulator.billing import Billing
from simulator.claim_files import Claim, Submission
from simulator.clearinghouse import ClearingHouse
from simulator.config import Population
from simulator.doors import Hl7Door, RestDoor
from simulator.ehr import Ehr
from simulator.engine import Engine
from simulator.erp import Erp
from simulator.fates import Fates
from simulator.hops import (
    BILLING,
    CLAIMS_IN,
    CLAIMS_OUT,
    EHR_ADT,
    ERP,
    Answer,
    Delivery,
    Hop,
    Witness,
    hl7_answer,
    http_answer,
)
from simulator.identity import Numbers
from simulator.lanes import Answered, Lane, Peer, Switch, VirtualLane
from simulator.model import HOUR
from simulator.population import Casebook
from simulator.processes import Receivers, chosen, open_processes
from simulator.roads import CLAIMS, ROADS, Road
from simulator.site import Site

Receive = Callable[[bytes], bytes | None]
AnswerHttp = Callable[[str, str, bytes], tuple[int, bytes]]
WriteFile = Callable[[str, str, bytes], None]
"""Writes (interface, file name, bytes) into the folder of that interface."""


class Hospital:
    """A hospital at its history's start. `run_history` fills the past; `go_live` hands the lanes over."""

    def __init__(self, population: Population, witness: Witness) -> None:
        self.population = population
        self.witness = witness
        self.agenda = Agenda(population.history_start)
        self.book = Casebook(population)
        self.write_file: WriteFile = self._hand_over
        self._lanes = {name: Switch(_Unconnected()) for name in (EHR_ADT, BILLING, ERP)}
        self.receivers: Receivers = {}
        self.ehr = Ehr(self.agenda, self.book, self._lanes[EHR_ADT])
        self.engine = Engine(self.agenda, self.book, self._lanes[BILLING], self._lanes[ERP], witness)
        self.erp = Erp(self.agenda, self.book)
        self.billing = Billing(self.agenda, self.book, self._submit)
        self.clearing_house = ClearingHouse(self.agenda, self.book, self._answer_file)
        self.answered: dict[str, Answered] = {
            EHR_ADT: self.ehr.answered,
            BILLING: self.engine.answered,
            ERP: self.engine.answered,
        }
        peers: dict[str, tuple[Peer, float]] = {
            EHR_ADT: (lambda d, now: hl7_answer(self.engine.receive(d.body)), 0.006),
            BILLING: (lambda d, now: hl7_answer(self.billing.receive(d.body)), 0.035),
            ERP: (self._ask_erp, 0.09),
        }
        for name, (peer, latency) in peers.items():
            dice = random.Random(f"{population.seed}|lane|{name}")
            self._lanes[name].lane = VirtualLane(
                self.agenda, peer, self.answered[name], witness, dice, latency
            )
        self.receivers[CLAIMS_OUT] = self.clearing_house.receive
        self.site = self._processes(population) if population.processes else None

    def _processes(self, population: Population) -> Site:
        """The peers of the processes, and the systems that take part."""
        names = chosen(population.processes)
        fates = Fates(population.seed, population.process_rates)
        site = Site(names, self.agenda, self.book, fates, self.witness, self._lane)
        self.receivers |= open_processes(site, self._write_road, population.seed)
        self.ehr.join(site)
        self.engine.join(site)
        if CLAIMS in names:
            self.clearing_house.join(site)
        for name, system in (("billing-accounts", self.billing), ("erp", self.erp)):
            door = site.doors.get(name)
            if isinstance(door, Hl7Door) and isinstance(system, Billing):
                system.accounts = door
            elif isinstance(door, RestDoor) and isinstance(system, Erp):
                system.desk = door
        for name in site.roads():
            self._open(ROADS[name], site)
        return site

    def _lane(self, road: str) -> Lane:
        return self._lanes.setdefault(road, Switch(_Unconnected()))

    def _open(self, road: Road, site: Site) -> None:
        """A virtual lane on a road of the processes."""
        switch = self._lanes.setdefault(road.name, Switch(_Unconnected()))
        self.answered[road.name] = _unasked
        dice = random.Random(f"{self.population.seed}|lane|{road.name}")
        switch.lane = VirtualLane(
            self.agenda, self.peer(road, site), _unasked, self.witness, dice, road.latency
        )

    def peer(self, road: Road, site: Site) -> Peer:
        """What the receiver of a road does with a delivery."""
        receive, answer = self.listener(road.door, site)
        if road.kind == "mllp":
            return lambda d, now: hl7_answer(receive(d.body))
        return lambda d, now: http_answer(*answer("POST", d.path, d.body))

    def listener(self, door: str, site: Site) -> tuple[Receive, AnswerHttp]:
        """Who listens at a door: the functions for MLLP and for HTTP, of which it has one."""
        if door == "engine":
            return self.engine.receive, _no_http
        if door == "erp":
            return _no_hl7, self.erp.answer
        found = site.doors[door]
        return (found.receive, _no_http) if isinstance(found, Hl7Door) else (_no_hl7, found.answer)

    def _write_road(self, interface: str, name: str, data: bytes) -> None:
        self.write_file(interface, name, data)

    def run_history(self, settle: float = 0.0) -> None:
        """Everything up to history_end, at once; with `settle`, what is under way goes on so long (seconds).

        A hospital that settles has nobody new and cannot live on.
        """
        p = self.population
        for encounter in self.book.admit_until(p.history_end):
            self.ehr.expect(encounter, p.history_start)
        self._plan_shifts(p.history_start, p.history_end)
        for encounter in self.book.examples():
            self.ehr.expect(encounter, p.history_start)
        if not settle:
            self._open_hour(p.history_end)
        self.agenda.run_until(p.history_end + settle)

    def connect(self, interface: str, lane: Lane) -> None:
        """Put a live lane in place of what is there; it takes over what was not answered yet."""
        switch = self._lanes[interface]
        old = switch.lane
        switch.lane = lane
        if isinstance(old, VirtualLane):
            for delivery in old.close():
                lane.put(delivery)

    def _open_hour(self, start: float) -> None:
        """From the end of history on, plan one hour after the other."""
        self.agenda.at(start, lambda: self._plan_hour(start))

    def _plan_hour(self, start: float) -> None:
        for encounter in self.book.admit_until(start + HOUR):
            self.ehr.expect(encounter, self.population.history_start)
        self._plan_shifts(start, start + HOUR)
        self._open_hour(start + HOUR)

    def _plan_shifts(self, start: float, end: float) -> None:
        for plan in self.site.shifts if self.site else ():
            plan(start, end)

    def _ask_erp(self, delivery: Delivery, now: float) -> Answer:
        return http_answer(*self.erp.answer("POST", delivery.path, delivery.body))

    def _submit(self, submission: Submission) -> None:
        data = claim_files.claims_837(submission)
        self._file(
            CLAIMS_OUT, f"837-{submission.control}.x12", data, "837", submission.control, submission.claims
        )

    def _hand_over(self, interface: str, name: str, data: bytes) -> None:
        """The folders of history: what billing writes is in the clearing house's hands at once."""
        if interface in self.receivers:
            self.receivers[interface](data)

    def _answer_file(self, kind: str, control: str, data: bytes, claims: tuple[Claim, ...]) -> None:
        self._file(CLAIMS_IN, f"{kind}-{control}.x12", data, kind, control, claims)

    def _file(
        self, interface: str, name: str, data: bytes, message: str, control: str, claims: tuple[Claim, ...]
    ) -> None:
        now = self.agenda.now
        self.write_file(interface, name, data)
        self.witness.hop(
            Hop(
                interface=interface,
                protocol="folder",
                start=now,
                end=now,
                request=data,
                path=name,
                message=message,
                control_id=f"{control}-{int(control)}-0001",
                encounters=tuple(claim.key for claim in claims),
                names=tuple(_claim_names(claim, message) for claim in claims),
                persons=tuple(claim.person for claim in claims),
                refused=frozenset(claim.key for claim in claims if claim.rejected and message == "277CA"),
            )
        )


def _claim_names(claim: Claim, message: str) -> Numbers:
    """What a file calls a claim: by the account, and once the payer has it by the payer's number, too.

    A 999 calls it nothing: it is about the file that the claim was in.
    """
    numbered = message not in ("837", "999") and not claim.rejected
    payer = (("payer_claim", claim.payer_number),) if numbered else ()
    return Numbers(account=claim.account, more=(("claim", claim.account), *payer))


def _unasked(delivery: Delivery, answer: Answer) -> float | None:
    """On roads of the processes every delivery says who is told its answer."""
    raise RuntimeError(f"nobody waits for the answer to {delivery.message}")


def _no_hl7(payload: bytes) -> bytes | None:
    raise RuntimeError("there is no HL7 at this door")


def _no_http(method: str, path: str, body: bytes) -> tuple[int, bytes]:
    raise RuntimeError("there is no HTTP at this door")


class _Unconnected:
    """The lane before there is one: putting anything on it is a mistake in the wiring."""

    def put(self, delivery: Delivery) -> None:
        raise RuntimeError(f"{delivery.interface} is not connected")
