"""Who comes to the hospital and what is going to go wrong: encounters decided in advance from a seed.

Called by the population; the systems look their part up here. Every clock hour has its own random stream, so
the same hour holds the same encounters whatever span is asked for. Must never look at a clock.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from math import log, pi, sin

from simulator.config import Rates
from simulator.identity import Notice, Numbers, Spell, Story

HOUR = 3600.0
DAY = 86400.0
# Discharges by hour of day (UTC), normalised below; late morning peaks at 2.7 times the all-day average, the
# shape reported for ADT feeds.
_SHAPE = (3, 2, 2, 2, 2, 3, 5, 9, 17, 29, 41, 50, 47, 40, 34, 30, 27, 24, 20, 16, 13, 10, 8, 6)
HOURLY = tuple(w * 24 / sum(_SHAPE) for w in _SHAPE)
FLAT = (1.0,) * 24
_EPOCH_2020 = 1577836800
FIRST_BUCKET = _EPOCH_2020 // 3600
LONGEST_STAY = 6 * DAY


class Fault(StrEnum):
    """What spoils an encounter; `Encounter.where` and `Encounter.recovers_after` say how."""

    NONE = "none"
    LOST_IN_ENGINE = "lost_in_engine"
    ENGINE_REFUSED = "engine_refused"
    BILLING_REFUSED = "billing_refused"
    ERP_REFUSED = "erp_refused"
    ERP_UNAVAILABLE = "erp_unavailable"
    LATE = "late"
    CLAIM_LOST = "claim_lost"
    CANCELLED = "cancelled"


class Trait(StrEnum):
    """What is odd about an encounter without changing its outcome."""

    DUPLICATE_DISCHARGE = "duplicate_discharge"
    DUPLICATE_CHARGE = "duplicate_charge"
    OUT_OF_ORDER = "out_of_order"
    MISSING_VISIT = "missing_visit"
    WRONG_VISIT = "wrong_visit"
    WRONG_VISIT_ON_CHARGE = "wrong_visit_on_charge"
    CLAIM_REJECTED = "claim_rejected"


@dataclass(frozen=True, slots=True)
class Encounter:
    """One stay, with all that was decided about it. Times are Unix seconds, delays seconds, money cents.

    key: names it in this program and in the truth; no message carries it unless it is its account number.
    person: who it really is. visit, account, mrn: its true numbers, assigned by `authority`.
    where: the road a fault concerns: "billing", "erp", "both" or "claim".
    recovers_after: seconds after the discharge when a refusal or outage is put right; None is never.
    quick_failures: how often the ERP answers 500 before it takes the journal at a retry.
    again_after: seconds after the discharge of a second discharge that follows a cancelled one.
    """

    stream: str
    key: str
    person: str
    visit: str
    account: str
    mrn: str
    given: str
    facility: str
    patient_class: str
    admitted: float
    discharged: float
    cents: int
    item: str
    implant: bool
    billing_delay: float
    erp_delay: float
    claim_delay: float
    claim_at_once: bool
    fault: Fault = Fault.NONE
    where: str = ""
    recovers_after: float | None = None
    quick_failures: int = 0
    cancelled_after: float | None = None
    again_after: float | None = None
    traits: frozenset[Trait] = frozenset()
    authority: str = "NSH"
    story: Story = Story.NONE
    variant: str = ""
    spells: tuple[Spell, ...] = ()
    notices: tuple[Notice, ...] = ()

    @property
    def numbers(self) -> Numbers:
        """Its true numbers."""
        return Numbers(self.visit, self.account, self.mrn)

    def named(self, at: float) -> Numbers:
        """The numbers by which the EHR knows it at a time."""
        found = self.numbers
        for number, spell in enumerate(self.spells):
            if number == 0 or spell.since <= at:
                found = spell.numbers
        return found

    @property
    def amount(self) -> str:
        """Total charges in dollars as every message carries them, "1234.50"."""
        return f"{self.cents // 100}.{self.cents % 100:02d}"

    @property
    def service(self) -> str:
        """PV1-10 (HL7 table 0069): surgery for whoever has an operation."""
        return "SUR" if self.item else "MED"

    @property
    def wrong_visit(self) -> str:
        """A visit number nobody has: this one's with its digits reversed behind a letter of its own."""
        return f"X{self.visit[:0:-1]}"

    def claimed(self) -> bool:
        """Whether billing claims for it: inpatients and outpatients, not emergency visits."""
        return self.patient_class in ("I", "O")


@dataclass(frozen=True, slots=True)
class Stream:
    """A flow of encounters: its name, first character of its numbers, discharges per day, shape, faults."""

    name: str
    digit: str
    rate: float
    shape: tuple[float, ...]
    rates: Rates
    short_stays: bool = False


def plan(seed: int, start: float, end: float, stream: Stream) -> Iterator[Encounter]:
    """The encounters discharged in [start, end), in order of discharge."""
    if stream.rate <= 0:
        return
    bucket = int(start // HOUR)
    while bucket * HOUR < end:
        for encounter in hour(seed, bucket, stream):
            if start <= encounter.discharged < end:
                yield encounter
        bucket += 1


def outages(seed: int, start: float, end: float, rates: Rates) -> list[tuple[float, float]]:
    """Spans in [start, end) during which the ERP answers every journal with 500: a system being down."""
    found: list[tuple[float, float]] = []
    day = int(start // DAY)
    while day * DAY < end:
        dice = random.Random(f"{seed}|outage|{day}")
        begins = day * DAY + dice.uniform(9, 15) * HOUR
        ends = begins + dice.uniform(45, 100) * 60
        if dice.random() < rates.outages_per_day and begins >= start and ends <= end:
            found.append((begins, ends))
        day += 1
    return found


def hour(seed: int, bucket: int, stream: Stream) -> Iterator[Encounter]:
    """The encounters discharged in one clock hour, counted from 1970."""
    dice = random.Random(f"{seed}|{stream.name}|{bucket}")
    per_second = stream.rate / DAY * stream.shape[bucket % 24]
    if per_second <= 0:
        return
    at = bucket * HOUR
    prefix = f"{stream.digit}{bucket - FIRST_BUCKET:06d}"
    for n in range(10_000):
        at += dice.expovariate(per_second)
        if at >= (bucket + 1) * HOUR:
            return
        yield _with_faults(dice, _ordinary(dice, f"{prefix}{n:04d}", round(at, 3), stream), stream.rates)


def _between(dice: random.Random, median: float, spread: float, low: float, high: float) -> float:
    return round(min(max(dice.lognormvariate(log(median), spread), low), high), 3)


def _wave(discharged: float, days: float, phase: float) -> float:
    """Slow change (0..2, mean 1) so that weeks differ and a trend has something to show."""
    return 1 + sin(2 * pi * (discharged / DAY / days) + phase)


def _ordinary(dice: random.Random, number: str, discharged: float, stream: Stream) -> Encounter:
    facility = dice.choices(("NSH-NORTH", "NSH-SOUTH", "NSH-EAST"), (50, 35, 15))[0]
    patient_class = dice.choices(("I", "O", "E"), (55, 25, 20))[0]
    stay = {"I": (2.2 * DAY, 0.5, 0.5 * DAY), "O": (5 * HOUR, 0.5, HOUR), "E": (4 * HOUR, 0.6, 0.5 * HOUR)}
    median, spread, low = stay[patient_class]
    length = _between(dice, median, spread, low, LONGEST_STAY)
    if stream.short_stays:
        length = round(dice.uniform(15, 120), 3)
    surgical = patient_class != "E" and dice.random() < 0.25
    slowness = 0.7 + 0.3 * _wave(discharged, 44, 0.0 if facility == "NSH-NORTH" else 2.5)
    cents = int(_between(dice, {"I": 1_450_000, "O": 210_000, "E": 95_000}[patient_class], 0.7, 5_000, 9e7))
    patient, given = dice.randrange(20_000), dice.randrange(10_000)
    return Encounter(
        stream=stream.name,
        key=f"A{number}",
        person=f"P{patient:06d}",
        visit=f"V{number}",
        account=f"A{number}",
        mrn=f"M{patient:06d}",
        given=f"PATIENT{given:04d}",
        facility=facility,
        patient_class=patient_class,
        admitted=round(discharged - length, 3),
        discharged=discharged,
        cents=cents,
        item=dice.choice(("HIP-STEM-12", "KNEE-TRAY-4", "STENT-30", "LENS-21D", "MESH-15"))
        if surgical
        else "",
        implant=surgical and dice.random() < 0.4,
        billing_delay=_between(dice, 6, 0.7, 1, 240),
        erp_delay=_between(dice, 25, 0.6, 8, 900),
        claim_delay=_between(dice, 7 * HOUR * slowness, 0.7, 0.5 * HOUR, 44 * HOUR),
        claim_at_once=dice.random() < 0.3,
    )


def _with_faults(dice: random.Random, encounter: Encounter, rates: Rates) -> Encounter:
    encounter = replace(encounter, traits=_traits(dice, encounter, rates))
    roll = dice.random()
    refusals = _wave(
        encounter.discharged, 37, {"NSH-NORTH": 3.6, "NSH-SOUTH": 0.4}.get(encounter.facility, 2.0)
    )
    for name, rate in rates.harmful():
        share = rate * refusals if name in ("erp_refused", "billing_refused") else rate
        if roll < share:
            return spoil(dice, encounter, Fault(name))
        roll -= share
    return encounter


def _traits(dice: random.Random, encounter: Encounter, rates: Rates) -> frozenset[Trait]:
    found: set[Trait] = set()
    if dice.random() < rates.duplicate:
        found.add(dice.choice((Trait.DUPLICATE_DISCHARGE, Trait.DUPLICATE_CHARGE)))
    if dice.random() < rates.out_of_order:
        found.add(Trait.OUT_OF_ORDER)
    if dice.random() < rates.missing_visit:
        found.add(Trait.MISSING_VISIT)
    elif dice.random() < rates.wrong_visit:
        found.add(dice.choice((Trait.WRONG_VISIT, Trait.WRONG_VISIT_ON_CHARGE)))
    if encounter.claimed() and dice.random() < rates.claim_rejected:
        found.add(Trait.CLAIM_REJECTED)
    return frozenset(found)


def spoil(dice: random.Random, encounter: Encounter, fault: Fault, where: str = "") -> Encounter:
    """The encounter with this fault and its particulars drawn (`where` fixes the road of a loss or delay)."""
    e = replace(encounter, fault=fault)
    claimed = e.claimed()
    match fault:
        case Fault.LOST_IN_ENGINE:
            return replace(e, where=where or dice.choices(("billing", "erp", "both"), (4, 4, 2))[0])
        case Fault.ENGINE_REFUSED:
            return replace(e, recovers_after=dice.uniform(120, 900) if dice.random() < 0.7 else None)
        case Fault.BILLING_REFUSED:
            return replace(e, recovers_after=dice.uniform(1200, 9000) if dice.random() < 0.5 else None)
        case Fault.ERP_REFUSED:
            return replace(e, recovers_after=dice.uniform(4500, 20000) if dice.random() < 0.4 else None)
        case Fault.ERP_UNAVAILABLE:
            kind = dice.choices(("quick", "slow", "never"), (5, 3, 2))[0]
            if kind == "quick":
                return replace(e, quick_failures=dice.randint(1, 3))
            return replace(e, recovers_after=dice.uniform(4500, 12000) if kind == "slow" else None)
        case Fault.LATE:
            where = where or dice.choices(("billing", "erp", "claim"), (4, 4, 2 if claimed else 0))[0]
            if where == "billing":
                return replace(e, where=where, billing_delay=round(dice.uniform(1200, 5400), 3))
            if where == "erp":
                return replace(e, where=where, erp_delay=round(dice.uniform(3900, 14400), 3))
            return replace(
                e, where=where, claim_at_once=False, claim_delay=round(dice.uniform(7, 10) * DAY, 3)
            )
        case Fault.CANCELLED:
            after = round(_between(dice, 900, 0.9, 120, 4 * HOUR), 3)
            again = round(after + dice.uniform(1, 20) * HOUR, 3) if dice.random() < 0.5 else None
            return replace(e, cancelled_after=after, again_after=again)
        case Fault.CLAIM_LOST if not claimed:
            return replace(e, fault=Fault.NONE)
        case _:
            return e
