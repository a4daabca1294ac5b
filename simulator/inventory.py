"""Inventory: decrements by lot, commits consigned use to the supplier, reorders, books the cost of a case.

Takes issues from the engine; the ERP orders for it (`simulator.erp_desk`). A case is reordered and booked
once, some hours after its first issue, for what was issued by then.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from simulator.beds import MINUTE
from simulator.doors import Document
from simulator.identity import Numbers
from simulator.model import HOUR
from simulator.site import Site
from simulator.surgery import Case, Implant


@dataclass(frozen=True, slots=True)
class Issue:
    """What inventory was told of an implant: how many of it left their lot."""

    implant: Implant
    quantity: int

    @property
    def cents(self) -> int:
        """What they cost together."""
        return self.quantity * self.implant.cents


class Inventory:
    """One store for all sites."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._issued: dict[str, dict[str, Issue]] = defaultdict(dict)
        site.rest("inventory-api", "inventory").on("/inventory/issues", "charge", "lot_unknown", self._issue)

    def _issue(self, number: str, document: Document, now: float) -> None:
        implant: Implant = self._site.plans[number]
        case: Case = self._site.plans[implant.case]
        account = str(document.get("reference", ""))
        issued = self._issued[implant.case]
        issue = issued[number] = Issue(implant, int(str(document["quantity"])))
        self._commit(issue, account)
        if len(issued) > 1:
            return
        dice = self._site.fates.dice("replenish", case.number)
        order, cost = dice.uniform(0.7, 4) * HOUR, dice.uniform(2, 10) * HOUR
        if case.early:
            # The cost of the case is booked with its first issue, before the others are entered.
            self._site.fault(case.encounter.key, "POST /journals", case.number, "early")
            cost = 20.0
        self._site.agenda.at(now + order, lambda: self._order(case, account))
        self._site.agenda.at(now + cost, lambda: self._cost(case, account))

    def _commit(self, issue: Issue, account: str) -> None:
        implant = issue.implant
        dice = self._site.fates.dice("commit", implant.charge)
        self._site.post(
            "supplier-usage",
            "/usage-commitments",
            implant.charge,
            implant.encounter,
            dice.uniform(5, 60) * MINUTE,
            {
                "case": implant.case,
                "charge": implant.charge,
                "item": implant.item,
                "lot": implant.lot,
                "quantity": issue.quantity,
                "total": issue.cents / 100,
            },
            Numbers(more=(("case", implant.case), ("charge", implant.charge))),
            (25 * HOUR, 50 * HOUR),
        )

    def _order(self, case: Case, account: str) -> None:
        issued = self._issued[case.number].values()
        self._post(case, account, "/purchase-orders", case.order, {
            "order": case.order,
            "supplier": "S-200",
            "quantity": sum(one.quantity for one in issued),
            "lines": [{"item": one.implant.item, "quantity": one.quantity} for one in issued],
        })  # fmt: skip

    def _cost(self, case: Case, account: str) -> None:
        issued = self._issued[case.number].values()
        self._post(case, account, "/journals", case.number, {
            "total": sum(one.cents for one in issued) / 100,
            "currency": "USD",
            "quantity": sum(one.quantity for one in issued),
            "cost_centre": "CC-7300",
        })  # fmt: skip

    def _post(self, case: Case, account: str, path: str, number: str, document: Document) -> None:
        order = document.get("order")
        more = (("case", case.number), *((("purchase_order", str(order)),) if order else ()))
        self._site.post(
            "inventory-erp", path, number, case.encounter, 0,
            {"reference": account, "case": case.number, **document},
            Numbers(account=account, more=more), (25 * HOUR, 50 * HOUR),
        )  # fmt: skip
