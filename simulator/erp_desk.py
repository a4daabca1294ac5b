"""The ERP's part in the processes: staffing and supply demands, purchase orders, case cost journals.

Stands beside `simulator.erp`, which answers for discharges; approves staffing, and sends orders to suppliers.
"""

from __future__ import annotations

from collections.abc import Callable

from simulator.beds import MINUTE
from simulator.doors import Document
from simulator.identity import Numbers
from simulator.site import Site
from simulator.workforce import Shift

Ordered = Callable[[str], None]


class ErpDesk:
    """Takes documents of the processes at the ERP's door; `ordered` is told of each purchase order taken."""

    def __init__(self, site: Site, ordered: Ordered | None) -> None:
        self._site, self._ordered = site, ordered
        door = site.rest("erp", "erp")
        door.on("/staffing-demands", "requisition", "cost_centre_unknown", self._demand)
        door.on("/supply-demands", "requisition", "item_unknown", self._nothing)
        door.on("/purchase-orders", "order", "supplier_unknown", self._order)
        door.on("/journals", "case", "cost_centre_unknown", self._nothing)

    def _nothing(self, number: str, document: Document, now: float) -> None:
        """Booked."""

    def _order(self, number: str, document: Document, now: float) -> None:
        if self._ordered is not None:
            self._ordered(str(document["order"]))

    def _demand(self, number: str, document: Document, now: float) -> None:
        shift = self._site.plans.get(str(document["requisition"]))
        if not isinstance(shift, Shift):
            return  # What a stay is expected to need is only planned.
        dice = self._site.fates.dice("approval", number)
        answer: Document = {"decision": "approved", "hours": shift.hours, "unit": shift.unit}
        if "revision" in document:
            answer["revision"] = document["revision"]
        self._site.post(
            "erp-workforce", "/staffing-demands/{requisition}/approval", number, None,
            dice.uniform(5, 50) * MINUTE, answer, Numbers(more=(("requisition", shift.requisition),)),
            (130 * MINUTE, 300 * MINUTE), shift.key, requisition=shift.requisition,
        )  # fmt: skip
