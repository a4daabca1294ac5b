"""The casebook: which encounters a hospital has, in history and while it lives, and whose a message is.

Called by the hospital, which asks for encounters hour by hour. Decides nothing about time itself.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from heapq import merge
from math import ceil

from simulator.config import NO_FAULTS, Population
from simulator.model import FLAT, HOUR, HOURLY, LONGEST_STAY, Encounter, Fault, Stream, outages, plan, spoil
from simulator.stories import Stories
from simulator.truth import Head

# The ERP is never down in the last hours of history: a demo should open on ordinary trouble.
_CALM_BEFORE_LIVE = 8 * HOUR
_AHEAD = LONGEST_STAY + HOUR
# Seconds after the history's end at which a deadline of an example passes: dense for the first minute,
# and going on for a start that took longer.
_EXAMPLES = (5.0, 14.0, 24.0, 33.0, 42.0, 51.0, 65.0, 80.0, 100.0, 120.0)


class Casebook:
    """Every encounter planned so far, by its key, and whose each message and claim is.

    A message need not say whose it is, or may say it wrongly; systems of one process ask here instead, so
    that what they do does not depend on what anybody can make of the numbers.
    """

    def __init__(self, population: Population) -> None:
        self.population = population
        self.encounters: dict[str, Encounter] = {}
        self._sent: dict[str, str] = {}
        self._claimed: dict[str, str] = {}
        self.others: dict[str, Head] = {}
        """Heads of what is no encounter, by key: units' shifts."""
        p = population
        self._history = Stream("history", "1", p.rate, HOURLY, p.rates)
        self._live = Stream("live", "2", p.live_rate, FLAT, p.live_rates, short_stays=True)
        self._stories = {
            stream.name: Stories(p.seed, stream, p.identity) for stream in (self._history, self._live)
        }
        self._history_to = p.history_start
        self._live_to = p.history_end
        self._lived = p.lived
        self.outages = [
            (begins, ends)
            for begins, ends in outages(p.seed, p.history_start, p.history_end - _CALM_BEFORE_LIVE, p.rates)
            if not any(begins < to and since - _CALM_BEFORE_LIVE < ends for since, to in p.lived)
        ]

    def admit_until(self, end: float) -> Iterator[Encounter]:
        """The encounters of which the hospital must know before `end` and did not know yet, in order.

        These are the history stream's discharges up to the longest stay after `end`, because their admissions
        may come before it, and the live stream's, of earlier lives too.
        """
        p = self.population
        live_to = max(end, p.history_end)
        streams = [
            plan(p.seed, self._history_to, end + _AHEAD, self._history),
            plan(p.seed, self._live_to, live_to, self._live),
            *(self._came(since, to) for since, to in self._lived),
        ]
        self._history_to, self._live_to, self._lived = end + _AHEAD, live_to, ()
        for encounter in merge(*streams, key=lambda e: e.discharged):
            told = self._stories[encounter.stream].tell(encounter)
            self.encounters[told.key] = told
            yield told

    def sent(self, control_id: str, encounter: Encounter) -> None:
        """Note that the message with this control ID is about that encounter."""
        self._sent[control_id] = encounter.key

    def claimed(self, number: str, encounter: Encounter) -> None:
        """Note that a claim of this number, from now on, is that encounter's."""
        self._claimed[number] = encounter.key

    def of_message(self, control_id: str) -> Encounter | None:
        """Whose message it is; None for a message of nobody, or of nobody here."""
        return self.encounters.get(self._sent.get(control_id, ""))

    def of_claim(self, number: str) -> Encounter | None:
        """Whose claim it is."""
        return self.encounters.get(self._claimed.get(number, ""))

    def examples(self) -> list[Encounter]:
        """Encounters whose deadlines pass just after each time that it began to live, of every kind."""
        p = self.population
        if not p.examples:
            return []
        found = [
            one for begin in (*(since for since, _ in p.lived), p.history_end) for one in self._shown(begin)
        ]
        self.encounters |= {encounter.key: encounter for encounter in found}
        return found

    def _shown(self, begin: float) -> Iterator[Encounter]:
        stream = Stream("example", "3", 24.0 * 60, FLAT, NO_FAULTS)
        blank = plan(self.population.seed, begin - 3 * HOUR, begin, stream)
        dice = random.Random(f"{self.population.seed}|examples")
        for n, (offset, encounter) in enumerate(zip(_EXAMPLES, blank, strict=False)):
            yield _example(dice, n, begin + offset, encounter)

    def _came(self, since: float, to: float) -> Iterator[Encounter]:
        """Of the live stream, who was admitted in an earlier life and discharged in it, or had yet to be."""
        hours = ceil((to - since) / HOUR)  # as far as it had planned
        ahead = plan(self.population.seed, since, since + hours * HOUR, self._live)
        return (encounter for encounter in ahead if encounter.admitted < to)


def _example(dice: random.Random, n: int, passes: float, encounter: Encounter) -> Encounter:
    """The encounter moved so that a deadline passes at `passes`, or a refusal falls there."""
    stay = encounter.discharged - encounter.admitted
    # Numbered by the second of the start, so that a hospital started again has no visit twice.
    number = f"3{int(passes - _EXAMPLES[n]) % 10**9:09d}{n:02d}"
    kinds = (
        (Fault.LOST_IN_ENGINE, "billing", 900.0),
        (Fault.ERP_REFUSED, "", 20.0),
        (Fault.LOST_IN_ENGINE, "erp", 3600.0),
        (Fault.ENGINE_REFUSED, "", 60.0),
        (Fault.LATE, "billing", 900.0),
    )
    fault, where, before = kinds[n % len(kinds)]
    discharged = round(passes - before, 3)
    moved = replace(
        encounter,
        key=f"A{number}",
        visit=f"V{number}",
        account=f"A{number}",
        admitted=discharged - stay,
        discharged=discharged,
        patient_class="I",
        erp_delay=20.0,
    )
    return spoil(dice, moved, fault, where)
