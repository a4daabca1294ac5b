"""Which peers a hospital's processes need, and how they hang together.

Called by the hospital once. Every peer has a module of its own; here they are only built and introduced to
the four systems every hospital has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from simulator.beds import BedManagement
from simulator.config import ConfigError
from simulator.coverage import EligibilityDesk, PatientAccess, Payer
from simulator.environmental import EnvironmentalServices
from simulator.erp_desk import ErpDesk
from simulator.filing import Filing
from simulator.inventory import Inventory
from simulator.laboratory import Laboratory
from simulator.orders import OrderChannels, OrderEntry
from simulator.roads import BEDS, ELIGIBILITY, IMPLANTS, ORDERS, PROCESSES, READINESS, STAFFING
from simulator.site import Site
from simulator.supplier import OrderDesk, Supplier
from simulator.surgery import Surgery, UseChannel
from simulator.workforce import CensusDesk, Workforce

WriteFile = Callable[[str, str, bytes], None]
Receivers = dict[str, Callable[[bytes], None]]
"""Who reads the files of a folder, by road."""


def chosen(names: Iterable[str]) -> frozenset[str]:
    """The processes of these names; staffing and beds need each other's system. Raises ConfigError."""
    found = frozenset(names)
    unknown = sorted(found - set(PROCESSES))
    if unknown:
        raise ConfigError(f"unknown process {unknown[0]!r}; known are {', '.join(PROCESSES)}")
    # Nobody is released from nursing a bed that bed management does not know.
    return found | {BEDS} if STAFFING in found else found


def open_processes(site: Site, write: WriteFile, seed: int) -> Receivers:
    """Build the peers of `site.names`."""
    filing = Filing(site, write)
    receivers: Receivers = {}
    names = site.names
    if BEDS in names:
        BedManagement(site)
        EnvironmentalServices(site)
    if STAFFING in names:
        CensusDesk(site, seed)
        Workforce(site)
    orders = OrderDesk(site, filing) if IMPLANTS in names else None
    if names & {STAFFING, IMPLANTS, READINESS}:
        ErpDesk(site, orders.ordered if orders else None)
    if IMPLANTS in names:
        Surgery(site)
        UseChannel(site)
        Inventory(site)
        receivers["supplier-out"] = Supplier(site, filing).receive
    if ORDERS in names:
        OrderEntry(site)
        OrderChannels(site)
        Laboratory(site)
    if ELIGIBILITY in names:
        EligibilityDesk(site, filing)
        receivers["eligibility-out"] = Payer(site, filing).receive
    if READINESS in names:
        PatientAccess(site)
    return receivers
