"""What goes wrong with each message of a process: dice by seed, message and number, the same on both sides.

Asked by whoever sends (lost, late, sent twice) and by whoever receives (refused, unavailable, silent), which
so agree without telling each other. Decided once per number, never by a clock.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, fields
from functools import lru_cache

QUIET = "none"


@dataclass(frozen=True, slots=True)
class ProcessRates:
    """How often each fault happens to a message of a process, a share of messages (0..1).

    They exclude each other. lost: never sent. late: after its deadline. twice: sent a second time. refused:
    answered with no, put right later or never. unavailable: the receiver is down for seconds, hours or for
    good. silent: the first attempt has no answer (MLLP only).

    The rest are shares of what a process is about: early: announced before it is so. partial: some of
    several never follow. cancelled: taken back; half of them are done again. preliminary: never completed.
    differs: says another quantity or amount than it was told.
    """

    lost: float = 0.010
    late: float = 0.020
    twice: float = 0.012
    refused: float = 0.012
    unavailable: float = 0.010
    silent: float = 0.004
    early: float = 0.015
    partial: float = 0.020
    cancelled: float = 0.025
    preliminary: float = 0.015
    differs: float = 0.012

    def of_messages(self) -> tuple[tuple[str, float], ...]:
        """Those of a message, in a fixed order."""
        names = ("lost", "late", "twice", "refused", "unavailable", "silent")
        return tuple((name, float(getattr(self, name))) for name in names)

    def times(self, factor: float) -> ProcessRates:
        """The same mix with every fault `factor` times as frequent."""
        return ProcessRates(**{f.name: getattr(self, f.name) * factor for f in fields(self)})


@dataclass(frozen=True, slots=True)
class Fate:
    """What happens to one message: `kind` is a fault's name or "none"; the others are its dice."""

    kind: str
    first: float
    second: float

    @property
    def recovers_after(self) -> float | None:
        """Seconds after the first refusal until it is put right; None is never, or nothing is to be."""
        if self.kind == "refused":
            return 900 + 9000 * self.second if self.first < 0.5 else None
        if self.kind == "unavailable" and not self.quick_failures:
            return 1800 + 7200 * self.second if self.first < 0.8 else None
        return None

    @property
    def quick_failures(self) -> int:
        """How often a receiver that is unavailable answers 500 before it takes the message at a retry."""
        return 1 + int(self.second * 3) if self.kind == "unavailable" and self.first < 0.5 else 0


class Fates:
    """The dice of one hospital."""

    def __init__(self, seed: int, rates: ProcessRates) -> None:
        self._seed, self.rates = seed, rates
        self._shares = rates.of_messages()
        self.of = lru_cache(maxsize=4096)(self._of)

    def dice(self, what: str, number: str) -> random.Random:
        """Dice for everything else about one thing."""
        return random.Random(f"{self._seed}|{what}|{number}")

    def differs(self, message: str, number: str) -> bool:
        """Whether the message of this name about this number says another number than it should."""
        return self.dice(f"differs|{message}", number).random() < self.rates.differs

    def _of(self, message: str, number: str) -> Fate:
        """What happens to the message of this name about this number."""
        dice = self.dice(f"fate|{message}", number)
        roll, first, second = dice.random(), dice.random(), dice.random()
        for kind, share in self._shares:
            if roll < share:
                return Fate(kind, first, second)
            roll -= share
        return Fate(QUIET, first, second)


class Refusals:
    """The receiver's side: whether a message is taken now. Remembers when it first saw what it refuses."""

    def __init__(self, fates: Fates) -> None:
        self._fates = fates
        self._first: dict[tuple[str, str], tuple[float, int]] = {}

    def judge(self, message: str, number: str, now: float) -> str:
        """ "" for taken, else "refused", "unavailable" or "silent"."""
        fate = self._fates.of(message, number)
        if fate.kind not in ("refused", "unavailable", "silent"):
            return ""
        first, times = self._first.get((message, number), (now, 0))
        self._first[message, number] = first, times + 1
        if fate.kind == "silent":
            return "silent" if times == 0 else ""
        if fate.quick_failures:
            return fate.kind if times < fate.quick_failures else ""
        waits = fate.recovers_after
        return fate.kind if waits is None or now < first + waits else ""
