"""The truth: per encounter what was really sent, answered and lost, for judges who do not look at Caretrail.

Written by history (one line an encounter) and by the living hospital (a line for each event); `load` joins
the lines of one account. Format in simulator/README.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from simulator.hops import Hop
from simulator.model import Encounter
from simulator.recording import nanoseconds


def header(encounter: Encounter) -> dict[str, Any]:
    """Who it is and what was decided about it."""
    e = encounter
    return {
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
    }


def hop_record(hop: Hop) -> dict[str, Any]:
    """One exchange; `at` and `end` in Unix nanoseconds as a tap beside it would have them."""
    return {
        "interface": hop.interface,
        "message": hop.message,
        "control_id": hop.control_id,
        "at": nanoseconds(hop.start),
        "end": nanoseconds(hop.end),
        "outcome": hop.outcome,
        "code": hop.code,
        "reason": hop.reason,
    }


def lost_record(message: str, where: str, at: float) -> dict[str, Any]:
    return {"message": message, "where": where, "at": nanoseconds(at)}


class TruthKeeper:
    """A witness that keeps everything from `since` on, to be written out once."""

    def __init__(self, since: float) -> None:
        self._since = since
        self._hops: dict[str, list[dict[str, Any]]] = {}
        self._lost: dict[str, list[dict[str, Any]]] = {}

    def hop(self, hop: Hop) -> None:
        if hop.start >= self._since:
            record = hop_record(hop)
            for account in hop.accounts:
                self._hops.setdefault(account, []).append(record)

    def lost(self, account: str, message: str, where: str, at: float) -> None:
        if at >= self._since:
            self._lost.setdefault(account, []).append(lost_record(message, where, at))

    def write(self, out: TextIO, encounters: Mapping[str, Encounter]) -> int:
        """One line per encounter of which anything was seen; their number."""
        seen = [e for e in encounters.values() if e.account in self._hops or e.account in self._lost]
        for encounter in seen:
            a = encounter.account
            record = header(encounter) | {"hops": self._hops.get(a, []), "lost": self._lost.get(a, [])}
            out.write(json.dumps(record) + "\n")
        return len(seen)


class TruthAppender:
    """A witness that appends a line to a file for each event, as it happens."""

    def __init__(self, out: TextIO, encounters: Mapping[str, Encounter]) -> None:
        self._out, self._encounters = out, encounters

    def hop(self, hop: Hop) -> None:
        record = hop_record(hop)
        for account in hop.accounts:
            self._append(account, [record], [])

    def lost(self, account: str, message: str, where: str, at: float) -> None:
        self._append(account, [], [lost_record(message, where, at)])

    def _append(self, account: str, hops: list[dict[str, Any]], lost: list[dict[str, Any]]) -> None:
        record = header(self._encounters[account]) | {"hops": hops, "lost": lost}
        self._out.write(json.dumps(record) + "\n")
        self._out.flush()


def load(path: Path) -> dict[str, dict[str, Any]]:
    """The truth by account: the lines of one account joined, its hops and losses in order of time."""
    found: dict[str, dict[str, Any]] = {}
    with path.open() as lines:
        for text in lines:
            record = json.loads(text)
            known = found.setdefault(record["account"], record)
            if known is not record:
                known["hops"] += record["hops"]
                known["lost"] += record["lost"]
    for record in found.values():
        record["hops"].sort(key=lambda hop: hop["end"])
        record["lost"].sort(key=lambda loss: loss["at"])
    return found
