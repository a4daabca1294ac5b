"""How a system of a process puts X12 files into a folder: after a while, late, twice, or not at all.

The counterpart of `simulator.outbox` for folders, where nobody answers. What is written is made when it is
written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from simulator.hops import Hop
from simulator.identity import Numbers
from simulator.model import Encounter
from simulator.roads import ROADS
from simulator.site import Site


@dataclass(slots=True)
class Filed:
    """One file: what it is, its control number, whose it is, what it names, what it says."""

    message: str
    control: str
    data: bytes
    encounter: Encounter
    names: Numbers
    outcome: str = "accepted"
    reason: str = ""


class Filing:
    """All folders of the processes; `write(interface, name, data)` puts a file there."""

    def __init__(self, site: Site, write: Callable[[str, str, bytes], None]) -> None:
        self._site, self._write = site, write

    def file(
        self,
        road: str,
        message: str,
        number: str,
        owner: str,
        after: float,
        late: tuple[float, float],
        make: Callable[[float], Filed],
    ) -> None:
        """Write in `after` seconds what `make` makes then, unless the dice want it otherwise."""
        now = self._site.agenda.now
        fate = self._site.fates.of(f"{ROADS[road].destination} {message}", number)
        if fate.kind in ("lost", "late", "twice"):
            self._site.fault(owner, message, number, fate.kind)
        if fate.kind == "lost":
            source = ROADS[road].source
            lose = lambda: self._site.witness.lost(owner, message, source, self._site.agenda.now)  # noqa: E731
            self._site.agenda.at(now + after, lose)
            return
        if fate.kind == "late":
            after = late[0] + (late[1] - late[0]) * fate.second
        times = 2 if fate.kind == "twice" else 1
        for n in range(times):
            self._site.agenda.at(now + after + n * 40, lambda: self._put(road, make))

    def _put(self, road: str, make: Callable[[float], Filed]) -> None:
        now = self._site.agenda.now
        filed = make(now)
        name = f"{filed.message}-{filed.control}.x12"
        self._site.witness.hop(
            Hop(
                interface=road,
                protocol="folder",
                start=now,
                end=now,
                request=filed.data,
                path=name,
                outcome=filed.outcome,
                reason=filed.reason,
                message=filed.message,
                control_id=f"{filed.control}-{int(filed.control)}-0001",
                encounters=(filed.encounter.key,),
                names=(filed.names,),
                persons=(filed.encounter.person,),
            )
        )
        self._write(road, name, filed.data)
