"""The ERP: takes journals, purchase orders and inventory issues over REST, and refuses or fails as planned.

Decides the answer to a request; `http_sockets` listens. Remembers only how often it was asked.
"""

from __future__ import annotations

import json
from collections import Counter

from simulator.agenda import Agenda
from simulator.coverage import is_of_processes
from simulator.doors import RestDoor
from simulator.model import Encounter, Fault
from simulator.population import Casebook

PATHS = ("/journals", "/purchase-orders", "/inventory/issues")
_NUMBERS = {"/journals": "JV", "/purchase-orders": "PO", "/inventory/issues": "GI"}


class Erp:
    """Answers one request at a time."""

    def __init__(self, agenda: Agenda, book: Casebook) -> None:
        self._agenda, self._book = agenda, book
        self._calls: Counter[str] = Counter()
        self._booked = 0
        self.desk: RestDoor | None = None
        """Who takes the documents of processes, where there are any."""

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        """Status and JSON body: 201, 400, 404, 405, 422 cost_centre_unknown or 500."""
        if self.desk is not None and is_of_processes(body):
            return self.desk.answer(method, path, body)
        if path not in PATHS:
            return 404, _json(code="not_found")
        if method != "POST":
            return 405, _json(code="method_not_allowed")
        try:
            document = json.loads(body)
            number, reference = str(document.get("document", "")), str(document["reference"])
        except (ValueError, KeyError, TypeError):
            return 400, _json(code="malformed_document")
        if path == "/journals":
            encounter = self._book.encounters.get(number.rpartition("-")[0] or reference)
            status, code = self._judge(encounter)
            if code:
                return status, _json(code=code)
        self._booked += 1
        number = f"{_NUMBERS[path]}-{int(self._agenda.now)}-{self._booked}"
        return 201, _json(document=number, status="posted")

    def _judge(self, encounter: Encounter | None) -> tuple[int, str]:
        now = self._agenda.now
        if any(begins <= now < ends for begins, ends in self._book.outages):
            return 500, "internal_error"
        if encounter is None:
            return 422, "account_unknown"
        self._calls[encounter.key] += 1
        waits = encounter.recovers_after
        repaired = waits is not None and now >= encounter.discharged + waits
        if encounter.fault is Fault.ERP_REFUSED and not repaired:
            return 422, "cost_centre_unknown"
        if encounter.fault is Fault.ERP_UNAVAILABLE:
            if encounter.quick_failures:
                failing = self._calls[encounter.key] <= encounter.quick_failures
            else:
                failing = not repaired
            if failing:
                return 500, "internal_error"
        return 201, ""


def _json(**values: str) -> bytes:
    return json.dumps(values).encode()
