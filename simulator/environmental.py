"""Environmental services: take cleaning tasks, begin them, and report them done.

Their dispatching system speaks REST with bed management, and knows a task by its number alone.
"""

from __future__ import annotations

from simulator.beds import MINUTE, Cleaning
from simulator.doors import Document
from simulator.identity import Numbers
from simulator.site import Site


class EnvironmentalServices:
    """One crew that is never short of hands: how long a task takes follows from its number."""

    def __init__(self, site: Site) -> None:
        self._site = site
        site.rest("evs", "evs").on("/beds/{bed}/cleaning-tasks", "task", "bed_unknown", self._take)

    def _take(self, number: str, document: Document, now: float) -> None:
        cleaning: Cleaning = self._site.plans[str(document["task"])]
        dice = self._site.fates.dice("cleaning", cleaning.task)
        begins = dice.uniform(2, 13) * MINUTE
        lasts = dice.uniform(18, 36) * MINUTE
        self._report(cleaning, "start", begins, {}, (20 * MINUTE, 80 * MINUTE))
        minutes = round(lasts / MINUTE, 1)
        self._report(
            cleaning, "completion", begins + lasts, {"minutes": minutes}, (75 * MINUTE, 240 * MINUTE)
        )

    def _report(
        self, cleaning: Cleaning, what: str, after: float, document: Document, late: tuple[float, float]
    ) -> None:
        self._site.post(
            "evs-status",
            f"/cleaning-tasks/{{task}}/{what}",
            cleaning.task,
            cleaning.encounter,
            after,
            {"crew": "EVS", **document},
            Numbers(more=(("document", cleaning.task),)),
            late,
            task=cleaning.task,
        )
