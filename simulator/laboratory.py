"""The laboratory: takes orders (ORM^O01, OML^O21), works on them, reports results (ORU^R01) to the engine.

A preliminary result (OBR-25 P) precedes the final one (F) of some tests; a cancelled order has none.
"""

from __future__ import annotations

from functools import partial

from simulator.beds import MINUTE
from simulator.messages import ControlIds
from simulator.model import Encounter
from simulator.orders import LATE_RESULT, LabOrder, order_number, orders_of, result_names, result_writer
from simulator.site import Site
from tracing.protocols import hl7v2


class Laboratory:
    """One laboratory for all sites."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._ids = ControlIds("LAB")
        self._cancelled: set[str] = set()
        door = site.hl7("lab", "lab", "LAC")
        for kind in ("ORM^O01", "OML^O21"):
            door.on(kind, order_number, self._take)
        site.expectations.append(self._expect)

    def _expect(self, encounter: Encounter, since: float) -> None:
        """Some tubes come with a paper form, and are reported before their order has come."""
        for order in orders_of(self._site, encounter):
            if order.early and order.at >= since:
                self._site.agenda.at(order.at + 0.3, partial(self._beforehand, order))

    def _beforehand(self, order: LabOrder) -> None:
        self._site.fault(order.encounter.key, "ORU^R01", order.placer, "early")
        self._report(order, "F", 0)

    def _take(self, number: str, message: hl7v2.Message, now: float) -> None:
        order: LabOrder = self._site.plans[message.get("ORC-2.1") or ""]
        if number.endswith("/CA"):
            self._cancelled.add(order.placer)
            return
        if order.early:
            return
        dice = self._site.fates.dice("lab", order.placer)
        takes = dice.uniform(12, 45) if order.stat else dice.uniform(30, 200)
        if order.preliminary or order.test == "BMP":
            self._site.agenda.at(now + takes * 30, partial(self._report, order, "P", 0))
        if not order.preliminary:
            self._report(order, "F", takes * MINUTE)

    def _report(self, order: LabOrder, status: str, after: float) -> None:
        number = f"{order.placer}/{status}"
        if order.placer in self._cancelled:
            return
        if after:
            # Looked at again when it is due: an order may be cancelled until then.
            self._site.agenda.at(self._site.agenda.now + after, partial(self._report, order, status, 0))
            return
        self._site.say(
            "lab-results", "ORU^R01", number, order.encounter, 0, self._ids.next,
            result_writer(order, "LAB", "ENGINE", status), result_names(order), LATE_RESULT,
            (("order_control", "RE"), ("result_status", status)),
        )  # fmt: skip
