"""A hospital's past, at once: the traffic of weeks as a recording, and the truth about it.

Called by the demo, benchmarks and the command line. Runs the same systems as the living hospital, on virtual
lanes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from simulator.config import IdentityRates, Population, Rates, seconds
from simulator.fates import ProcessRates
from simulator.hops import Hop, Witness
from simulator.hospital import Hospital
from simulator.recording import RecordingWriter
from simulator.truth import TruthKeeper


@dataclass(frozen=True, slots=True)
class Written:
    """How much was written."""

    encounters: int
    hops: int


class Both:
    """Tells two witnesses."""

    def __init__(self, first: Witness, second: Witness) -> None:
        self._first, self._second = first, second

    def hop(self, hop: Hop) -> None:
        self._first.hop(hop)
        self._second.hop(hop)

    def lost(self, encounter: str, message: str, where: str, at: float) -> None:
        self._first.lost(encounter, message, where, at)
        self._second.lost(encounter, message, where, at)

    def fault(self, owner: str, message: str, number: str, fault: str, at: float) -> None:
        self._first.fault(owner, message, number, fault, at)
        self._second.fault(owner, message, number, fault, at)


def write(
    recording: Path,
    truth: Path,
    seed: int,
    start: datetime | float,
    end: datetime | float,
    *,
    rate: float = 60.0,
    rates: Rates | None = None,
    examples: bool = False,
    since: datetime | float | None = None,
    identity: IdentityRates | None = None,
    settle: float = 0.0,
    processes: Iterable[str] = (),
    process_rates: ProcessRates | None = None,
    live_rate: float = 0.0,
    lived: Iterable[tuple[datetime | float, datetime | float]] = (),
) -> Written:
    """Write the recording and the truth of [start, end) to two new files.

    rate: discharges per day. rates: how often each fault happens. examples: also plan encounters whose
    deadlines pass in the first two minutes after `end`. since: write only what happened from then on, for a
    hospital that continues; `start` stays the first start. identity: how often each story of identity
    happens. processes: names of `simulator.roads.PROCESSES`; process_rates: how often their faults happen.
    live_rate, lived: discharges per day more in earlier spans (begin, end) in which it lived.
    settle: seconds after `end` during which nobody new comes and what is under way goes on. A living
    hospital with the same seed, history_start, history_end, rates, identity, examples and lives carries on
    exactly where this ends (without `settle`).
    """
    population = Population(
        seed=seed,
        history_start=seconds(start),
        history_end=seconds(end),
        rate=rate,
        live_rate=live_rate,
        rates=rates or Rates(),
        examples=examples,
        lived=tuple((seconds(begin), seconds(to)) for begin, to in lived),
        identity=identity or IdentityRates(),
        processes=tuple(processes),
        process_rates=process_rates or ProcessRates(),
    )
    first = population.history_start if since is None else seconds(since)
    keeper = TruthKeeper(first)
    with recording.open("w") as lines, truth.open("w") as out:
        writer = RecordingWriter(lines, first)
        hospital = Hospital(population, Both(writer, keeper))
        hospital.run_history(settle)
        encounters = keeper.write(out, hospital.book.encounters, hospital.book.others)
    return Written(encounters, writer.hops)
