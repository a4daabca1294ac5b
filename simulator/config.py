"""What a synthetic hospital is told: seed, span of history, rates of faults, addresses and folders.

Read by the command line and by whoever starts a hospital. Holds no defaults that depend on the machine.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from simulator.fates import ProcessRates


class ConfigError(ValueError):
    """The configuration is unusable; the message names the key and the remedy."""


@dataclass(frozen=True, slots=True)
class Rates:
    """How often each fault happens, as a share of discharges (0..1).

    The first block spoils the encounter and excludes each other; the second block is harmless to the outcome
    and may come on top. With the defaults about 92 in 100 discharges go well.
    """

    lost_in_engine: float = 0.014
    engine_refused: float = 0.004
    billing_refused: float = 0.011
    erp_refused: float = 0.013
    erp_unavailable: float = 0.014
    late: float = 0.014
    claim_lost: float = 0.004
    cancelled: float = 0.018

    duplicate: float = 0.012
    out_of_order: float = 0.010
    missing_visit: float = 0.008
    wrong_visit: float = 0.008
    claim_rejected: float = 0.03

    outages_per_day: float = 0.1

    def times(self, factor: float) -> Rates:
        """The same mix with every fault `factor` times as frequent (outages as they are)."""
        changed = {
            f.name: getattr(self, f.name) * factor for f in fields(self) if f.name != "outages_per_day"
        }
        return Rates(**changed, outages_per_day=self.outages_per_day)

    def harmful(self) -> tuple[tuple[str, float], ...]:
        """The excluding faults in a fixed order, each with its share."""
        names = (
            "lost_in_engine",
            "engine_refused",
            "billing_refused",
            "erp_refused",
            "erp_unavailable",
            "late",
            "claim_lost",
            "cancelled",
        )
        return tuple((name, float(getattr(self, name))) for name in names)


NO_FAULTS = Rates(**{f.name: 0.0 for f in fields(Rates)})


@dataclass(frozen=True, slots=True)
class IdentityRates:
    """How often each story of `simulator.identity` happens, a share of discharges (0..1); none by default.

    They exclude each other, so together they are at most 1. A number is given again `reuse_days` after the
    discharge it was first used for.
    """

    merged: float = 0.0
    account_changed: float = 0.0
    visit_changed: float = 0.0
    moved: float = 0.0
    linked: float = 0.0
    wrongly_merged: float = 0.0
    swapped: float = 0.0
    reused: float = 0.0
    other_authority: float = 0.0
    mrn_only: float = 0.0
    late_link: float = 0.0
    blank: float = 0.0
    bucket: float = 0.0
    strangers_visit: float = 0.0
    admission_cancelled: float = 0.0

    reuse_days: int = 120

    @classmethod
    def everything(cls, share: float = 0.025, reuse_days: int = 120) -> IdentityRates:
        """Every story, each as often."""
        return cls(**dict.fromkeys(cls.names(), share), reuse_days=reuse_days)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The stories in a fixed order."""
        return tuple(f.name for f in fields(cls) if f.name != "reuse_days")


@dataclass(frozen=True, slots=True)
class Population:
    """Who comes to the hospital: everything that decides the encounters and nothing that does not.

    history_start, history_end: Unix seconds; before history_end the hospital is recorded, after it it lives.
    rate: discharges per day of the history stream (which goes on while live).
    live_rate: additional discharges per day from history_end on, with stays of a minute or two; 0 for none.
    examples: plan a few encounters whose deadlines pass in the first two minutes after history_end.
    lived: earlier (begin, end) in which it lived, when it is started again: whoever came then, and
    is not done with, is carried on.
    identity: how often the numbers of an encounter are wrong, change or are not its own, in both streams.
    processes: names of `simulator.roads.PROCESSES`; process_rates: how often their faults happen.
    """

    seed: int
    history_start: float
    history_end: float
    rate: float = 60.0
    live_rate: float = 0.0
    rates: Rates = field(default_factory=Rates)
    live_rates: Rates = field(default_factory=lambda: Rates().times(2))
    examples: bool = False
    lived: tuple[tuple[float, float], ...] = ()
    identity: IdentityRates = field(default_factory=IdentityRates)
    processes: tuple[str, ...] = ()
    process_rates: ProcessRates = field(default_factory=ProcessRates)


@dataclass(frozen=True, slots=True)
class Config:
    """A hospital that lives: its population, where it listens and where it sends.

    Addresses are "host:port"; `ehr_to_engine`, `engine_to_billing` and `engine_to_erp` are where the sender
    connects, so that a tap can stand between it and the listener. roads, doors, folders: the same for the
    processes, by the names in `simulator.roads`.
    """

    population: Population
    ehr_to_engine: str
    engine_listen: str
    engine_to_billing: str
    billing_listen: str
    engine_to_erp: str
    erp_listen: str
    claims_out: Path
    claims_in: Path
    roads: dict[str, str] = field(default_factory=dict)
    doors: dict[str, str] = field(default_factory=dict)
    folders: dict[str, Path] = field(default_factory=dict)
    truth: Path | None = None
    answer_timeout: float = 10.0
    reconnect_seconds: float = 0.2


def seconds(value: datetime | str | float) -> float:
    """Unix seconds of an aware datetime, an ISO 8601 text or a number. Raises ConfigError."""
    if isinstance(value, int | float):
        return float(value)
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        if moment.tzinfo is None:
            raise ConfigError(f"{value!r} has no time zone; write it as 2026-01-31T12:00:00+00:00")
        return moment.astimezone(UTC).timestamp()
    except (ValueError, TypeError, AttributeError) as error:
        raise ConfigError(f"{value!r} is not a time: {error}") from error


_POPULATION_KEYS = {f.name for f in fields(Population)}


def load(path: Path, now: float) -> Config:
    """Read a JSON configuration; `now` stands in for a missing history_end. Raises ConfigError.

    Keys are the fields of Population and Config side by side; relative folders are relative to the file.
    """
    try:
        data = json.loads(path.read_text())
    except (OSError, json.JSONDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: expected one JSON object")
    return from_mapping(data, path.parent, now)


def from_mapping(data: dict[str, Any], folder: Path, now: float) -> Config:
    """The configuration in `data` (see `load`). Raises ConfigError naming the key."""
    known = _POPULATION_KEYS | {f.name for f in fields(Config)} - {"population"}
    unknown = sorted(set(data) - known)
    if unknown:
        raise ConfigError(f"unknown key {unknown[0]!r}; known are {', '.join(sorted(known))}")
    end = seconds(data.get("history_end") or now)
    start = seconds(data.get("history_start") or end)
    chosen: dict[str, Any] = {k: v for k, v in data.items() if k in _POPULATION_KEYS}
    chosen.update(history_start=start, history_end=end, seed=int(data.get("seed", 1)))
    try:
        for key in ("rates", "live_rates"):
            if key in chosen:
                chosen[key] = Rates(**chosen[key])
        if "process_rates" in chosen:
            chosen["process_rates"] = ProcessRates(**chosen["process_rates"])
        chosen["processes"] = tuple(chosen.get("processes", ()))
        chosen["lived"] = tuple((seconds(begin), seconds(end)) for begin, end in chosen.get("lived", ()))
        if "identity" in chosen:
            chosen["identity"] = _identity(chosen["identity"])
        rest: dict[str, Any] = {k: v for k, v in data.items() if k not in _POPULATION_KEYS}
        for key in ("claims_out", "claims_in", "truth"):
            if rest.get(key) is not None:
                rest[key] = folder / rest[key]
        if "folders" in rest:
            rest["folders"] = {road: folder / path for road, path in rest["folders"].items()}
        return Config(population=Population(**chosen), **rest)
    except TypeError as error:
        raise ConfigError(str(error)) from error


def _identity(value: Any) -> IdentityRates:
    """`true` for every story, or shares by name. TypeError for anything else."""
    if isinstance(value, dict):
        return IdentityRates(**value)
    if value is True:
        return IdentityRates.everything()
    raise TypeError("identity is neither true nor a mapping of shares by name")


def split_address(address: str) -> tuple[str, int]:
    """("127.0.0.1", 2575) from "127.0.0.1:2575" or "http://127.0.0.1:2575/". Raises ConfigError."""
    host, _, port = address.removeprefix("http://").rstrip("/").rpartition(":")
    if not host or not port.isdigit():
        raise ConfigError(f"{address!r} is not host:port")
    return host, int(port)
