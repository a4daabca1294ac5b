"""The truth: per encounter what was really sent, answered and lost, for judges who do not look at Caretrail.

Written by history (one line an encounter) and by the living hospital (a line for each event); `load` joins
the lines of one encounter. Format in simulator/README.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from simulator.hops import Hop
from simulator.identity import Notice, Numbers
from simulator.model import Encounter
from simulator.recording import nanoseconds

NOBODYS = ""
"""The key under which hops stand that belong to no encounter."""


Head = dict[str, Any]
"""Who or what a line is about."""


def head(key: str, facility: str, stream: str) -> Head:
    """The head of a line about something that is no encounter: a unit's shift."""
    return {
        "encounter": key,
        "person": "",
        "authority": "NSH",
        "account": "",
        "visit": "",
        "mrn": "",
        "facility": facility,
        "patient_class": "",
        "stream": stream,
        "planned_discharge": None,
        "fault": "none",
        "where": "",
        "traits": [],
        "story": "none",
        "variant": "",
        "numbers": [],
        "notices": [],
    }


def header(encounter: Encounter) -> dict[str, Any]:
    """Who it is and what was decided about it."""
    e = encounter
    return {
        "encounter": e.key,
        "person": e.person,
        "authority": e.authority,
        "account": e.account,
        "visit": e.visit,
        "mrn": e.mrn,
        "facility": e.facility,
        "patient_class": e.patient_class,
        "stream": e.stream,
        "planned_discharge": nanoseconds(e.discharged),
        "fault": e.fault.value,
        "where": e.where,
        "traits": sorted(e.traits),
        "story": e.story.value,
        "variant": e.variant,
        "numbers": [
            {"since": nanoseconds(s.since) if s.since > 0 else None} | names(s.numbers) for s in e.spells
        ]
        or [{"since": None} | names(e.numbers)],
        "notices": [_notice(notice) for notice in e.notices],
    }


def names(numbers: Numbers) -> dict[str, str]:
    """The numbers that are there, by kind."""
    found = {"visit": numbers.visit, "account": numbers.account, "mrn": numbers.mrn, **dict(numbers.more)}
    return {kind: value for kind, value in found.items() if value}


def _notice(notice: Notice) -> dict[str, Any]:
    return {
        "at": nanoseconds(notice.at),
        "message": f"ADT^{notice.event}",
        "now": names(notice.now),
        "prior": names(notice.prior),
        "other": notice.other,
        "persons": list(notice.persons),
        "undone": notice.undone,
    }


def hop_record(hop: Hop, place: int = 0) -> dict[str, Any]:
    """One exchange; `at` and `end` in Unix nanoseconds as a tap beside it would have them.

    `place` is that of the encounter among those the exchange concerned.
    """
    return {
        "interface": hop.interface,
        "message": hop.message,
        "control_id": hop.control_id,
        "at": nanoseconds(hop.start),
        "end": nanoseconds(hop.end),
        "outcome": "rejected" if hop.encounters and hop.encounters[place] in hop.refused else hop.outcome,
        "code": hop.code,
        "reason": hop.reason,
        "tags": {name: value for name, value in hop.tags if value},
        "names": names(hop.names[place]) if hop.names else {},
        "persons": [hop.persons[place]] if len(hop.encounters) > 1 else list(hop.persons),
    }


def fault_record(message: str, number: str, fault: str, at: float) -> dict[str, Any]:
    """What was decided about one message of a process, or about what it is about."""
    return {"message": message, "number": number, "fault": fault, "at": nanoseconds(at)}


def lost_record(message: str, where: str, at: float) -> dict[str, Any]:
    return {"message": message, "where": where, "at": nanoseconds(at)}


class TruthKeeper:
    """A witness that keeps everything from `since` on, to be written out once."""

    def __init__(self, since: float) -> None:
        self._since = since
        self._hops: dict[str, list[dict[str, Any]]] = {}
        self._lost: dict[str, list[dict[str, Any]]] = {}
        self._faults: dict[str, list[dict[str, Any]]] = {}

    def hop(self, hop: Hop) -> None:
        if hop.start >= self._since:
            for place, key in _concerned(hop):
                self._hops.setdefault(key, []).append(hop_record(hop, place))

    def lost(self, encounter: str, message: str, where: str, at: float) -> None:
        if at >= self._since:
            self._lost.setdefault(encounter, []).append(lost_record(message, where, at))

    def fault(self, owner: str, message: str, number: str, fault: str, at: float) -> None:
        if at >= self._since:
            self._faults.setdefault(owner, []).append(fault_record(message, number, fault, at))

    def write(self, out: TextIO, encounters: Mapping[str, Encounter], others: Mapping[str, Head]) -> int:
        """One line per encounter, and other thing, of which anything was seen; how many encounters."""
        seen = [e for e in encounters.values() if e.key in self._hops or e.key in self._lost]
        for encounter in seen:
            key = encounter.key
            out.write(json.dumps(header(encounter) | self._of(key)) + "\n")
        for key, head in others.items():
            if key in self._hops or key in self._lost:
                out.write(json.dumps(head | self._of(key)) + "\n")
        if NOBODYS in self._hops:
            out.write(json.dumps(_unattached(self._hops[NOBODYS])) + "\n")
        return len(seen)

    def _of(self, key: str) -> dict[str, Any]:
        found = {"hops": self._hops.get(key, []), "lost": self._lost.get(key, [])}
        return found | {"faults": self._faults.get(key, [])}


class TruthAppender:
    """A witness that appends a line to a file for each event, as it happens."""

    def __init__(self, out: TextIO, encounters: Mapping[str, Encounter], others: Mapping[str, Head]) -> None:
        self._out, self._encounters, self._others = out, encounters, others

    def hop(self, hop: Hop) -> None:
        for place, key in _concerned(hop):
            self._append(key, [hop_record(hop, place)], [])

    def lost(self, encounter: str, message: str, where: str, at: float) -> None:
        self._append(encounter, [], [lost_record(message, where, at)])

    def fault(self, owner: str, message: str, number: str, fault: str, at: float) -> None:
        self._append(owner, [], [], [fault_record(message, number, fault, at)])

    def _append(
        self,
        key: str,
        hops: list[dict[str, Any]],
        lost: list[dict[str, Any]],
        faults: list[dict[str, Any]] | None = None,
    ) -> None:
        if key == NOBODYS:
            record = _unattached(hops)
        else:
            head = self._others[key] if key in self._others else header(self._encounters[key])
            record = head | {"hops": hops, "lost": lost, "faults": faults or []}
        self._out.write(json.dumps(record) + "\n")
        self._out.flush()


def _concerned(hop: Hop) -> list[tuple[int, str]]:
    """The encounters of a hop with their places; a hop about a person of no encounter is nobody's."""
    if hop.encounters or not hop.persons:
        return list(enumerate(hop.encounters))
    return [(0, NOBODYS)]


def _unattached(hops: list[dict[str, Any]]) -> dict[str, Any]:
    return {"encounter": NOBODYS, "hops": hops, "lost": [], "faults": []}


def load(path: Path) -> dict[str, dict[str, Any]]:
    """The truth by encounter: the lines of one joined, its hops and losses in order of time.

    The key of an encounter is its account number, unless it shares that with another one.
    """
    return {key: record for key, record in _read(path).items() if key != NOBODYS}


def unattached(path: Path) -> list[dict[str, Any]]:
    """The hops about persons that belong to no encounter, in order of time."""
    return list(_read(path).get(NOBODYS, {"hops": []})["hops"])


def _read(path: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    with path.open() as lines:
        for text in lines:
            record = json.loads(text)
            known = found.setdefault(record["encounter"], record)
            if known is not record:
                known["hops"] += record["hops"]
                known["lost"] += record["lost"]
                known["faults"] += record["faults"]
    for record in found.values():
        record["hops"].sort(key=lambda hop: hop["end"])
        record["lost"].sort(key=lambda loss: loss["at"])
        record["faults"].sort(key=lambda fault: fault["at"])
    return found
