"""Workforce management: staffing demand from the census, approval, shifts, and hours to payroll.

Takes census changes and releases from bed management (`CensusDesk` sends the former) and approvals from the
ERP; asks the ERP for approval and hands the worked hours to payroll. A staffing demand is known by its
requisition number, the census change behind it by its own.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from simulator.beds import MINUTE
from simulator.doors import Document
from simulator.identity import Numbers
from simulator.model import HOUR
from simulator.site import Site
from simulator.truth import head

SHIFT = 8 * HOUR
UNITS = (
    ("NSH-NORTH", "N-MED"),
    ("NSH-NORTH", "N-SUR"),
    ("NSH-NORTH", "N-ED"),
    ("NSH-SOUTH", "S-MED"),
    ("NSH-SOUTH", "S-SUR"),
    ("NSH-EAST", "E-MED"),
)


@dataclass(frozen=True, slots=True)
class Shift:
    """One unit's shift whose census changed: the census number, the requisition, patients, hours to staff."""

    census: str
    requisition: str
    facility: str
    unit: str
    begins: float
    patients: int
    hours: int

    @property
    def key(self) -> str:
        """What the truth calls it."""
        return self.census


class CensusDesk:
    """Bed management's census: two hours before each shift, every unit tells its change."""

    def __init__(self, site: Site, seed: int) -> None:
        self._site, self._seed = site, seed
        site.shifts.append(self._plan)

    def _plan(self, start: float, end: float) -> None:
        begins = (start + 2 * HOUR) // SHIFT * SHIFT
        while begins - 2 * HOUR < end:
            if begins - 2 * HOUR >= start:
                for facility, unit in UNITS:
                    self._expect(facility, unit, begins)
            begins += SHIFT

    def _expect(self, facility: str, unit: str, begins: float) -> None:
        number = f"{unit}-{int(begins // SHIFT)}"
        dice = random.Random(f"{self._seed}|shift|{number}")
        patients = dice.randint(8, 28)
        shift = Shift(f"CN{number}", f"SR{number}", facility, unit, begins, patients, 8 * (patients // 4 + 1))
        self._site.plans[shift.census] = self._site.plans[shift.requisition] = shift
        self._site.book.others[shift.key] = head(shift.key, facility, "history")
        at = begins - 2 * HOUR + dice.uniform(0, 20) * MINUTE
        cancelled = dice.random() < self._site.fates.rates.cancelled
        again = cancelled and dice.random() < 0.5
        later = dice.uniform(5, 40) * MINUTE
        self._site.agenda.at(at, lambda: self._tell(shift, 1))
        if cancelled:
            self._site.agenda.at(at + later, lambda: self._cancel(shift))
        if again:
            self._site.agenda.at(at + later + 10 * MINUTE, lambda: self._tell(shift, 2))

    def _tell(self, shift: Shift, revision: int) -> None:
        number = shift.census if revision == 1 else f"{shift.census}/{revision}"
        document: Document = {
            "census": shift.census,
            "unit": shift.unit,
            "facility": shift.facility,
            "patients": shift.patients,
        }
        if revision > 1:
            document["revision"] = revision
            self._site.fault(shift.key, "POST /census-changes", number, "again")
        self._site.post(
            "beds-workforce", "/census-changes", number, None, 0, document,
            Numbers(more=(("document", shift.census),)), (40 * MINUTE, 90 * MINUTE), shift.key,
        )  # fmt: skip

    def _cancel(self, shift: Shift) -> None:
        self._site.fault(shift.key, "POST /census-changes", shift.census, "cancelled")
        self._site.post(
            "beds-workforce", "/census-changes/{census}/cancellation", shift.census, None, 0,
            {"unit": shift.unit}, Numbers(more=(("document", shift.census),)),
            (40 * MINUTE, 90 * MINUTE), shift.key, census=shift.census,
        )  # fmt: skip


class Workforce:
    """Plans shifts; one request for approval a revision of the census."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._cancelled: set[str] = set()
        door = site.rest("workforce-api", "workforce")
        door.on("/census-changes", "census", "unit_unknown", self._census)
        door.on("/census-changes/{census}/cancellation", "census", "census_unknown", self._take_back)
        door.on("/staffing-releases", "unit", "unit_unknown", self._released)
        door.on(
            "/staffing-demands/{requisition}/approval", "requisition", "requisition_unknown", self._approved
        )
        payroll = site.rest("payroll-api", "payroll")
        payroll.on("/time-sheets", "requisition", "cost_centre_unknown", self._released)

    def _released(self, number: str, document: Document, now: float) -> None:
        """Hours that are free again, or that payroll has: nothing follows."""

    def _take_back(self, number: str, document: Document, now: float) -> None:
        self._cancelled.add(str(document["census"]))

    def _census(self, number: str, document: Document, now: float) -> None:
        shift: Shift = self._site.plans[str(document["census"])]
        self._cancelled.discard(shift.census)
        dice = self._site.fates.dice("demand", number)
        self._site.agenda.at(now + dice.uniform(2, 18) * MINUTE, lambda: self._demand(shift, number))

    def _demand(self, shift: Shift, number: str) -> None:
        if shift.census in self._cancelled:
            return
        revision = int(number.partition("/")[2] or 1)
        document: Document = {
            "requisition": shift.requisition,
            "census": shift.census,
            "unit": shift.unit,
            "hours": shift.hours,
            "cost_centre": f"CC-{shift.unit}",
        }
        if revision > 1:
            document["revision"] = revision
        self._site.post(
            "workforce-erp", "/staffing-demands", number.replace("CN", "SR", 1), None, 0, document,
            Numbers(more=(("requisition", shift.requisition), ("document", shift.census))),
            (45 * MINUTE, 150 * MINUTE), shift.key,
        )  # fmt: skip

    def _approved(self, number: str, document: Document, now: float) -> None:
        shift: Shift = self._site.plans[str(document["requisition"])]
        dice = self._site.fates.dice("hours", shift.requisition)
        partial = dice.random() < self._site.fates.rates.partial
        worked = shift.hours - 8 if partial else shift.hours
        if partial:
            self._site.fault(shift.key, "POST /time-sheets", shift.requisition, "partial")
        after = max(shift.begins + SHIFT - now, 0) + dice.uniform(0.5, 6) * HOUR
        self._site.post(
            "workforce-payroll", "/time-sheets", shift.requisition, None, after,
            {
                "requisition": shift.requisition,
                "hours": worked,
                "total": worked * 62.5,
                "cost_centre": f"CC-{shift.unit}",
            },
            Numbers(more=(("requisition", shift.requisition),)),
            (after + 30 * HOUR, after + 120 * HOUR), shift.key,
        )  # fmt: skip
