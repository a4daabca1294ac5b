"""The roads of the hospital: their fixed names, who speaks with whom, and what a tap on each needs to know.

The one table of interfaces. Senders and truth name roads by it, the workflow packs are written against it,
and whoever sets up taps (the demo, benchmarks) reads `tap` from it. It must never know an address.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["mllp", "http", "folder"]

BEDS, STAFFING, IMPLANTS, ORDERS, READINESS, ELIGIBILITY, CLAIMS = PROCESSES = (
    "beds",
    "staffing",
    "implants",
    "orders",
    "readiness",
    "eligibility",
    "claims",
)
"""What the hospital does besides admitting, discharging, charging and claiming, each switched by its name.

"claims" adds nobody: it has the clearing house lose, delay and repeat its answers."""


@dataclass(frozen=True, slots=True)
class Road:
    """One interface. `door`: where its receiver listens, shared by roads that end at one listener.

    process: the process that needs it, "" for what every hospital does. keys, routes, measures, attributes:
    in the words of a tap's configuration.
    """

    name: str
    kind: Kind
    source: str
    destination: str
    process: str = ""
    door: str = ""
    latency: float = 0.02
    tap: dict[str, Any] = field(default_factory=dict)


def _pointers(**kinds: str) -> list[dict[str, str]]:
    return [{"kind": kind, "pointer": pointer} for kind, pointer in kinds.items()]


_STAY = {"patient_class": "PV1-2", "service": "PV1-10"}
_ORDER_KEYS = [
    {"kind": "visit", "path": "PV1-19"},
    {"kind": "account", "path": "PID-18"},
    {"kind": "order", "path": "ORC-2"},
    {"kind": "order", "path": "OBR-2"},
    {"kind": "order", "path": "OBR-3", "of": "filler"},
    {"kind": "mrn", "path": "PID-3"},
]
_ORDER_TAGS = {**_STAY, "order_control": "ORC-1", "result_status": "OBR-25", "priority": "ORC-7.6"}
_SURGERY_KEYS = [
    {"kind": "visit", "path": "PV1-19"},
    {"kind": "account", "path": "PID-18"},
    {"kind": "case", "path": "PV1-50"},
    {"kind": "charge", "path": "FT1-2"},
    {"kind": "item", "path": "FT1-7"},
    {"kind": "lot", "path": "FT1-3"},
    {"kind": "mrn", "path": "PID-3"},
]
_USE = _pointers(
    account="/reference", case="/case", charge="/charge", purchase_order="/order", item="/item", lot="/lot"
)

ROADS: dict[str, Road] = {
    road.name: road
    for road in (
        Road("ehr-adt", "mllp", "ehr", "engine", door="engine", latency=0.006, tap={"attributes": _STAY}),
        Road(
            "billing-dft", "mllp", "engine", "billing", door="billing", latency=0.035,
            tap={"attributes": _STAY},
        ),
        Road(
            "erp-journals", "http", "engine", "erp", door="erp", latency=0.09,
            tap={
                "routes": [
                    "POST /journals", "POST /purchase-orders", "POST /inventory/issues",
                    "POST /supply-demands", "POST /staffing-demands",
                ],
                "keys": _pointers(account="/reference"),
                "measures": {"amount": "/total", "quantity": "/quantity", "hours": "/hours"},
                "attributes": {"cost_centre": "/cost_centre", "currency": "/currency"},
                "reason": "/code",
            },
        ),
        Road("claims-out", "folder", "billing", "clearinghouse"),
        Road("claims-in", "folder", "clearinghouse", "billing"),
        # Bed management and environmental services.
        Road("beds-adt", "mllp", "engine", "beds", BEDS, "beds", tap={"attributes": _STAY}),
        Road(
            "evs-tasks", "http", "beds", "evs", BEDS, "evs",
            tap={
                "routes": ["POST /beds/{bed}/cleaning-tasks"],
                "keys": _pointers(visit="/visit", account="/account", document="/task"),
                "attributes": {"priority": "/priority", "unit": "/unit"},
                "reason": "/code",
            },
        ),
        Road(
            "evs-status", "http", "evs", "beds", BEDS, "beds-api",
            tap={
                "routes": ["POST /cleaning-tasks/{task}/start", "POST /cleaning-tasks/{task}/completion"],
                "keys": [{"kind": "document", "path": "task"}],
                "measures": {"minutes": "/minutes"},
                "reason": "/code",
            },
        ),
        Road(
            "beds-status", "http", "beds", "ehr", BEDS, "ehr-api",
            tap={
                "routes": ["POST /beds/{bed}/status"],
                "keys": _pointers(document="/task"),
                "attributes": {"status": "/status", "unit": "/unit"},
                "reason": "/code",
            },
        ),
        # Workforce management and payroll.
        Road(
            "beds-workforce", "http", "beds", "workforce", STAFFING, "workforce-api",
            tap={
                "routes": [
                    "POST /census-changes", "POST /census-changes/{census}/cancellation",
                    "POST /staffing-releases",
                ],
                "keys": [
                    *_pointers(visit="/visit", account="/account", document="/census"),
                    {"kind": "document", "path": "census"},
                ],
                "measures": {"patients": "/patients", "hours": "/hours"},
                "attributes": {"unit": "/unit"},
                "reason": "/code",
            },
        ),
        Road(
            "workforce-erp", "http", "workforce", "erp", STAFFING, "erp",
            tap={
                "routes": ["POST /staffing-demands"],
                "keys": _pointers(requisition="/requisition", document="/census"),
                "measures": {"hours": "/hours"},
                "attributes": {"unit": "/unit", "cost_centre": "/cost_centre"},
                "reason": "/code",
            },
        ),
        Road(
            "erp-workforce", "http", "erp", "workforce", STAFFING, "workforce-api",
            tap={
                "routes": ["POST /staffing-demands/{requisition}/approval"],
                "keys": [{"kind": "requisition", "path": "requisition"}],
                "attributes": {"decision": "/decision"},
                "measures": {"hours": "/hours"},
                "reason": "/code",
            },
        ),
        Road(
            "workforce-payroll", "http", "workforce", "payroll", STAFFING, "payroll-api",
            tap={
                "routes": ["POST /time-sheets"],
                "keys": _pointers(requisition="/requisition"),
                "measures": {"hours": "/hours", "amount": "/total"},
                "attributes": {"cost_centre": "/cost_centre"},
                "reason": "/code",
            },
        ),
        # Surgery, inventory and the supplier.
        Road(
            "surgery", "mllp", "surgery", "engine", IMPLANTS, "engine",
            tap={"keys": _SURGERY_KEYS, "attributes": _STAY},
        ),
        Road(
            "inventory-issues", "http", "engine", "inventory", IMPLANTS, "inventory-api", 0.04,
            tap={
                "routes": ["POST /inventory/issues"],
                "keys": _USE,
                "measures": {"quantity": "/quantity", "amount": "/total"},
                "attributes": {"item": "/item"},
                "reason": "/code",
            },
        ),
        Road(
            "supplier-usage", "http", "inventory", "supplier", IMPLANTS, "supplier-api", 0.15,
            tap={
                "routes": ["POST /usage-commitments"],
                "keys": _USE,
                "measures": {"quantity": "/quantity", "amount": "/total"},
                "attributes": {"item": "/item"},
                "reason": "/code",
            },
        ),
        Road(
            "inventory-erp", "http", "inventory", "erp", IMPLANTS, "erp", 0.09,
            tap={
                "routes": ["POST /purchase-orders", "POST /journals"],
                "keys": _pointers(account="/reference", case="/case", purchase_order="/order"),
                "measures": {"amount": "/total", "quantity": "/quantity"},
                "attributes": {"cost_centre": "/cost_centre"},
                "reason": "/code",
            },
        ),
        Road("supplier-out", "folder", "erp", "supplier", IMPLANTS),
        Road("supplier-in", "folder", "supplier", "erp", IMPLANTS),
        # Laboratory.
        Road(
            "ehr-orders", "mllp", "ehr", "engine", ORDERS, "engine", 0.006,
            tap={"keys": _ORDER_KEYS, "attributes": _ORDER_TAGS},
        ),
        Road(
            "lab-orders", "mllp", "engine", "lab", ORDERS, "lab",
            tap={"keys": _ORDER_KEYS, "attributes": _ORDER_TAGS},
        ),
        Road(
            "lab-results", "mllp", "lab", "engine", ORDERS, "engine", 0.006,
            tap={"keys": _ORDER_KEYS, "attributes": _ORDER_TAGS},
        ),
        Road(
            "ehr-results", "mllp", "engine", "ehr", ORDERS, "ehr",
            tap={"keys": _ORDER_KEYS, "attributes": _ORDER_TAGS},
        ),
        # The payer's eligibility desk.
        Road("eligibility-out", "folder", "billing", "payer", ELIGIBILITY),
        Road("eligibility-in", "folder", "payer", "billing", ELIGIBILITY),
    )
}  # fmt: skip


def roads(processes: Iterable[str]) -> dict[str, Road]:
    """The roads of a hospital with these processes, those every hospital has included."""
    wanted = {"", *processes}
    return {name: road for name, road in ROADS.items() if road.process in wanted}
