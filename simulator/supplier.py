"""The supplier of implants: takes use commitments over REST, orders as 850 files, answers with 855 and 856.

The ERP's side of the files is here too (`OrderDesk`): it writes the 850 for each purchase order it took.
"""

from __future__ import annotations

from functools import partial

from simulator import supply_files
from simulator.beds import MINUTE
from simulator.billing import Controls
from simulator.filing import Filed, Filing
from simulator.identity import Numbers
from simulator.model import HOUR
from simulator.site import Site
from simulator.supply_files import Line
from simulator.surgery import Case


def _lines(case: Case) -> tuple[Line, ...]:
    return tuple(Line(one.item, one.lot, one.quantity, one.cents) for one in case.implants)


def _filed(case: Case, control: str, data: bytes, message: str) -> Filed:
    names = Numbers(more=(("purchase_order", case.order),))
    return Filed(message, control, data, case.encounter, names)


class OrderDesk:
    """The ERP: a purchase order becomes a file within minutes."""

    def __init__(self, site: Site, filing: Filing) -> None:
        self._site, self._filing = site, filing
        self._controls = Controls()

    def ordered(self, order: str) -> None:
        """A purchase order was taken."""
        case: Case = self._site.plans[order]
        after = self._site.fates.dice("850", order).uniform(1, 20) * MINUTE
        self._filing.file("supplier-out", "850", order, case.encounter.key, after, (25 * HOUR, 50 * HOUR),
                          partial(self._write, case))  # fmt: skip

    def _write(self, case: Case, now: float) -> Filed:
        control = self._controls.next(now)
        return _filed(case, control, supply_files.order_850(case.order, _lines(case), control, now), "850")


class Supplier:
    """Acknowledges each order and ships."""

    def __init__(self, site: Site, filing: Filing) -> None:
        self._site, self._filing = site, filing
        self._controls = Controls()
        self._seen: set[str] = set()
        site.rest("supplier-api", "supplier").on(
            "/usage-commitments", "charge", "lot_unknown", lambda number, document, now: None
        )

    def receive(self, data: bytes) -> None:
        """Take an 850 and plan its answers."""
        order = supply_files.number_of(data)
        if order in self._seen:
            return
        self._seen.add(order)
        case: Case = self._site.plans[order]
        dice = self._site.fates.dice("supplier", order)
        refused = self._site.fates.of("supplier 850", order).kind == "refused"
        if refused:
            self._site.fault(case.encounter.key, "855", order, "refused")
        after = dice.uniform(10, 300) * MINUTE
        self._filing.file(
            "supplier-in", "855", order, case.encounter.key, after, (26 * HOUR, 60 * HOUR),
            partial(self._acknowledge, case, refused),
        )  # fmt: skip
        if not refused:
            self._filing.file(
                "supplier-in", "856", order, case.encounter.key, dice.uniform(20, 44) * HOUR,
                (4 * 24 * HOUR, 7 * 24 * HOUR), partial(self._ship, case),
            )  # fmt: skip

    def _acknowledge(self, case: Case, refused: bool, now: float) -> Filed:
        control = self._controls.next(now)
        data = supply_files.acknowledgement_855(case.order, _lines(case), refused, control, now)
        filed = _filed(case, control, data, "855")
        filed.outcome = "rejected" if refused else "accepted"
        return filed

    def _ship(self, case: Case, now: float) -> Filed:
        control = self._controls.next(now)
        return _filed(case, control, supply_files.shipment_856(case.order, _lines(case), control, now), "856")
