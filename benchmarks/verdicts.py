"""Is Caretrail right? Its verdict on every simulated encounter against the truth the hospital wrote itself.

`python -m benchmarks.verdicts` simulates weeks of a hospital with all its faults, sends the recording
through the taps' observers into an embedded store, and judges both ways at several moments: Caretrail by its
SQL, the truth by the plain-Python model over what the hospital says it sent. Every shipped pack is judged,
and the hospital runs every process. Prints the confusion matrix; the last line is one JSON object with every
figure.

With `--journeys N` there are as many hospitals, of their own seeds, as it takes for N encounters and shifts,
each in a process and a store of its own, so that memory does not grow with N; figures are their sums.

With `--identity` the hospital also gets identity wrong in every way it knows (simulator/README.md): merges,
moves, changed, swapped and re-used numbers, blanks, links that come days late. Some messages are then stored
up to three days late, the resolver and the evaluator work in between, and persons take back what only they
can. The journeys themselves are held against the truth in either case: `joined_patients` counts journeys with
messages of two different persons, `split_journeys` encounters whose messages are in several journeys though
they can be known to belong together. It runs no processes then: what they say about an account before its
number was put right has no rule in the truth yet.

The truth knows whose message it was even when the message named a visit number nobody has. What can be known
from the messages, and is therefore expected, says benchmarks/verdicts_truth.py. `differs_by_account` says how
many verdicts would be others in the end, had every message of an encounter counted for it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.verdicts_store import Homes, Placed, late, observe, placed, token_of
from benchmarks.verdicts_truth import AUTHORITY, Expected, Record, expect, moment
from simulator import history, recording, truth
from simulator.config import IdentityRates
from simulator.roads import PROCESSES
from slo.workflows import Evaluator, define
from slo.workflows.activate import activate_all
from slo.workflows.compile import judged
from slo.workflows.packs import shipped
from tracing.context import SiteKey
from tracing.identity import Resolver, decisions, read
from tracing.keys import Sealer, business_key
from tracing.store import Store, open_store

WITHOUT_PROCESSES = ("discharge-to-cash", "registration-to-billing")
NOTHING = "(none)"
SETTLE = timedelta(days=50)
"""As long as anything is under way after the last admission: late claims and their remittances."""
_SUMMED = frozenset(
    {
        "journeys", "off_diagonal", "joined_patients", "split_journeys", "probable_elsewhere", "verdicts",
        "unseen", "spans",
    }
)  # fmt: skip
Verdicts = dict[tuple[str, str, str, int], str]
"""(workflow, encounter or part of one, item, occurrence) -> state."""
PART = 2500
"""Journeys of one hospital: more of them are several hospitals, so that memory is bounded."""
RATE = 150.0


def main() -> None:
    """Parse the command line, run, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--journeys", type=int, help="so many, in hospitals of their own seeds; else one hospital"
    )
    parser.add_argument("--workers", type=int, default=1, help="hospitals at a time, with --journeys")
    parser.add_argument("--days", type=int, help="of history; 30, with --identity 100")
    parser.add_argument("--rate", type=float, help="discharges a day; 60, with --identity 20")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--moments", type=int, default=12, help="at how many moments to judge")
    parser.add_argument("--show", type=int, default=10, help="how many differences of each kind to print")
    parser.add_argument("--identity", action="store_true", help="switch all faults of identity on")
    parser.add_argument("--share", type=float, default=0.03, help="of discharges, for each fault of identity")
    parser.add_argument("--reuse-days", type=int, default=70, help="after which a number is given again")
    parser.add_argument("--batches", type=int, default=20, help="in which messages come, with --identity")
    options = parser.parse_args()
    options.days = options.days or (100 if options.identity else 30)
    options.rate = options.rate or (20.0 if options.identity else 60.0)
    if options.journeys:
        print(json.dumps(many(options.journeys, options)))
        return
    folder = Path(tempfile.mkdtemp(prefix="caretrail-verdicts-"))
    try:
        figures = run(folder, options)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(figures))


def many(journeys: int, options: argparse.Namespace) -> dict[str, Any]:
    """The sum of several hospitals, each in a process of its own: the embedded engine opens one folder."""
    began = time.perf_counter()
    total: Counter[str] = Counter()
    matrix: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    seeds = itertools.count(options.seed)
    with ThreadPoolExecutor(options.workers) as pool:
        while total["journeys"] < journeys:
            wanted = max(1, min(options.workers, -(-(journeys - total["journeys"]) // PART)))
            for figures in pool.map(lambda seed: _one(seed, options), [next(seeds) for _ in range(wanted)]):
                matrix.update(figures.pop("matrix"))
                faults.update(figures.pop("faults"))
                total.update({name: value for name, value in figures.items() if name in _SUMMED})
                told = {name: total[name] for name in ("journeys", "verdicts", "off_diagonal")}
                print(json.dumps(told | {"seconds": round(time.perf_counter() - began)}), flush=True)
    return {
        **total,
        "matrix": dict(sorted(matrix.items())),
        "faults": dict(sorted(faults.items())),
        "moments": options.moments,
        "hospitals": next(seeds) - options.seed,
        "seconds": round(time.perf_counter() - began),
    }


def _one(seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """One hospital's figures; what it found to differ is printed."""
    days = round(PART / RATE)
    chosen = {
        "--days": days,
        "--rate": RATE,
        "--seed": seed,
        "--moments": options.moments,
        "--show": options.show,
    }
    arguments = [str(word) for pair in chosen.items() for word in pair]
    command = [sys.executable, "-m", "benchmarks.verdicts", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"seed {seed}: {done.stderr[-2000:]}")
    *said, last = done.stdout.splitlines()
    for line in said:
        if ": truth " in line:
            print(f"seed {seed}: {line}", flush=True)
    return dict(json.loads(last))


def run(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Simulate, observe, evaluate, compare; returns the figures of the last line."""
    end = datetime(2026, 3, 30, 12, tzinfo=UTC)
    start = end - timedelta(days=options.days)
    recorded, told = folder / "recording.jsonl", folder / "truth.jsonl"
    rates = IdentityRates.everything(options.share, options.reuse_days) if options.identity else None
    history.write(
        recorded, told, options.seed, start, end, rate=options.rate, identity=rates,
        settle=SETTLE.total_seconds(), processes=() if options.identity else PROCESSES,
    )  # fmt: skip
    encounters = truth.load(told)
    site_key = SiteKey.create(folder / "site.key")
    sealer = Sealer(site_key)
    wanted = WITHOUT_PROCESSES if options.identity else tuple(shipped())
    definitions = [define(shipped()[name]) for name in wanted]
    with open_store(f"chdb://{folder / 'store'}") as store:
        store.migrate()
        activate_all(store, definitions, end)
        core = _Core(store, encounters, sealer)
        if options.identity:
            records = late(recording.read(recorded), options.seed)
            spans = observe(store, records, site_key, max(1, len(records) // options.batches), core.step)
        else:
            spans = observe(store, recording.read(recorded), site_key)
        core.step(end + SETTLE)
        tokens = Tokens(sealer)
        expected = expect(encounters, definitions, tokens.of)
        nobodys = [*expected.nobodys, *((hop, None) for hop in truth.unattached(told))]
        found = placed(Homes(store, sealer), encounters, expected.parts, nobodys)
        moments = _moments(start, end, options.moments)
        matrix = _compare(store, encounters, expected, found, moments, tokens, options)
        whole = expect(encounters, definitions, tokens.of, whole=True) if options.identity else expected
        joined, apart = whole.at(end + SETTLE), expected.at(end + SETTLE)
        collisions = Counter(one.why for one in read.collisions(store, limit=100_000))
    _print(matrix)
    _tell(encounters, found, options.show)
    return {
        "journeys": len(encounters),
        "off_diagonal": sum(count for (one, other), count in matrix.items() if one != other),
        "joined_patients": len(found.joined),
        "split_journeys": len(found.split),
        "probable_elsewhere": len(found.probable_elsewhere),
        "verdicts": sum(matrix.values()),
        "matrix": {f"{one} | {other}": count for (one, other), count in sorted(matrix.items())},
        "faults": faults(encounters),
        "differs_by_account": sum(joined.get(key) != apart.get(key) for key in joined | apart),
        "stories": dict(sorted(Counter(record["story"] for record in encounters.values()).items())),
        "collisions": dict(sorted(collisions.items())),
        "withdrawn": core.withdrawn,
        "unseen": found.missing,
        "moments": options.moments,
        "spans": spans,
        "evaluated_s": round(core.took, 2),
        "seed": options.seed,
    }


class _Core:
    """The loops of the core, and the person at the records desk who takes back mistaken merges."""

    def __init__(self, store: Store, encounters: dict[str, Record], sealer: Sealer) -> None:
        self._store = store
        self._resolver, self._evaluator = Resolver(store), Evaluator(store)
        self._sealer = sealer
        self._mistakes = [
            (notice, record["authority"])
            for record in encounters.values()
            for notice in record["notices"]
            if notice["undone"] == "person"
        ]
        self.took = 0.0
        self.withdrawn = 0

    def step(self, now: datetime) -> None:
        """Resolve and evaluate what is new at `now`; then what persons decide about it."""
        began = time.perf_counter()
        self._resolver.step(now)
        self._evaluator.step(now)
        if self._decide(now):
            self._resolver.step(now)
            self._evaluator.step(now)
        self.took += time.perf_counter() - began

    def _decide(self, now: datetime) -> bool:
        """Take back the mistaken merges that are known by now and older than an hour."""
        decided = False
        for notice, authority in self._mistakes:
            if moment(notice["at"]) > now - timedelta(hours=1):
                continue
            token = self._token("mrn", notice["prior"]["mrn"], authority)
            for event in read.history(self._store, [token]):
                if event.message == notice["message"] and event.from_token == token and not event.withdrawn:
                    reason = "two different patients"
                    decisions.decide(
                        self._store, "withdraw", event.event_id, who="records desk", reason=reason, now=now
                    )
                    self.withdrawn += 1
                    decided = True
        return decided

    def _token(self, kind: str, value: str, authority: str) -> str:
        key = business_key(kind, value, None, authority)
        assert key is not None
        return self._sealer.token(key)


def _compare(
    store: Store,
    encounters: dict[str, Record],
    expected: Expected,
    found: Placed,
    moments: list[datetime],
    tokens: Tokens,
    options: argparse.Namespace,
) -> Counter[tuple[str, str]]:
    matrix: Counter[tuple[str, str]] = Counter()
    shown: Counter[str] = Counter()
    for at in moments:
        wanted, said = expected.at(at), _caretrail_at(store, found, at)
        for key in sorted(wanted.keys() | said.keys()):
            pair = wanted.get(key, NOTHING), said.get(key, NOTHING)
            matrix[pair] += 1
            record = encounters.get(key[1].split("/")[0].split("+")[0], {})
            story = str(record.get("story", ""))
            if pair[0] != pair[1] and shown[story] < options.show:
                shown[story] += 1
                why = " ".join(str(record.get(name, "")) for name in ("story", "variant", "fault", "traits"))
                named = (*key[:2], tokens.value(key[2]), key[3])
                print(f"{at:%Y-%m-%d %H:%M} {named}: truth {pair[0]}, Caretrail {pair[1]}; {why}")
    return matrix


def _moments(start: datetime, end: datetime, count: int) -> list[datetime]:
    """Spread over the history at odd minutes; the last two are its end and when every deadline has passed."""
    inside = [start + (end - start) * n / count + timedelta(minutes=7 * n) for n in range(1, count - 1)]
    whole = [moment.replace(microsecond=moment.microsecond // 1000 * 1000) for moment in inside]
    return [*whole, end, end + SETTLE][-count:]


def _caretrail_at(store: Store, found: Placed, at: datetime) -> Verdicts:
    rows = store.query(judged(), {"now": at}).rows
    return {(row[0], found.names.get(row[2], row[2]), row[7], row[3]): row[6] for row in rows}


class Tokens:
    """Tokens of the truth's numbers, and back for what is printed."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer
        self._values: dict[str, str] = {}

    def of(self, kind: str, value: str) -> str:
        token = token_of(self._sealer, kind, value, AUTHORITY)
        self._values[token] = value
        return token

    def value(self, token: str) -> str:
        """The number, or the token itself where the truth knows none."""
        return self._values.get(token, token)


def faults(encounters: dict[str, Record]) -> dict[str, int]:
    """How often each fault, trait and fault of a message happened."""
    found: Counter[str] = Counter()
    for record in encounters.values():
        found[record["fault"]] += 1
        found.update(record["traits"])
        found.update(f"{one['message']} {one['fault']}" for one in record["faults"])
    return dict(sorted(found.items()))


def _tell(encounters: dict[str, Record], found: Placed, show: int) -> None:
    for journey, whose in list(found.joined.items())[:show]:
        print(f"joined {journey}: {' | '.join(whose)}")
    shown: Counter[str] = Counter()
    for part, homes in found.split.items():
        record = encounters[part.split("/")[0]]
        shown[record["story"]] += 1
        if shown[record["story"]] <= show:
            print(f"split {part}: {record['story']} {record['variant']} {record['traits']}: {homes}")
    if shown:
        print(f"split by story: {dict(shown)}")


def _print(matrix: Counter[tuple[str, str]]) -> None:
    states = sorted({state for pair in matrix for state in pair})
    width = max(len(state) for state in [*states, "truth \\ Caretrail"]) + 2
    print("truth \\ Caretrail".ljust(width) + "".join(state.rjust(16) for state in states))
    for wanted in states:
        print(wanted.ljust(width) + "".join(str(matrix[wanted, found]).rjust(16) for found in states))


if __name__ == "__main__":
    main()
