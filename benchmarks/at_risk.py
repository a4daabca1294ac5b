"""Whether a chance of 70 % means that seven of ten made it: the calibration of "at risk".

    python -m benchmarks.at_risk --instances 60000

Makes ninety days of instances with lognormal delays that depend on each other and on the hour, refusals that
are tried again, a nightly batch, steps that do not apply, and cancellations. The store learns from the first
two thirds; then instances of the last third are asked at random moments how likely a step is to be met in
time, and what they were told is held against what became of them. Prints a table; the last line is one JSON
object with `worst_points`, the largest difference of told and true in any bucket with at least 300 answers.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.machine import machine, said
from slo.workflows.chances import Chances
from slo.workflows.facts import NEVER, Facts, StepFacts
from slo.workflows.history import learn
from tracing.store import Store, open_store

WORKFLOW = "discharge-to-cash"
ZONE = "America/New_York"
DAYS = 90
END = datetime(2026, 11, 1, tzinfo=UTC)
LEARNED = END - timedelta(days=DAYS // 3)
_FEWEST_ANSWERS = 300
_EDGES = (0.0, 0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95, 1.0001)
_NAMES = ("engine accepted", "billing ready", "ERP posted", "claim submitted")


def main() -> None:
    """Parse the command line, run, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--instances", type=int, default=60_000)
    parser.add_argument("--asked", type=int, default=4, help="moments per instance of the last third")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="where data goes (default: a temporary folder)")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="caretrail-at-risk-", dir=options.folder))
    try:
        print(json.dumps(run(options, folder)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Bucket:
    """Answers with a chance in a range: what was told, and how many made it."""

    told: list[float] = field(default_factory=list)
    made: int = 0

    @property
    def points(self) -> float:
        """By how many percentage points the truth differs from what was told; positive: more made it."""
        return 100 * (self.made - sum(self.told)) / len(self.told)


def run(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Make, learn, ask, print the table; returns the figures of the last line."""
    ran_on = machine()
    print(said(ran_on))
    dice = random.Random(options.seed)
    instances = list(_instances(options.instances, dice))
    past = [one for one in instances if one.started_at < LEARNED]
    rest = [one for one in instances if one.started_at >= LEARNED + timedelta(days=5)]
    with open_store(f"chdb://{folder / 'store'}") as store:
        store.migrate()
        _write(store, past)
        began = time.perf_counter()
        learn(store, WORKFLOW, 1, ZONE, LEARNED)
        took = time.perf_counter() - began
        asked = [(facts, *_moment(facts, dice)) for facts in rest for _ in range(options.asked)]

        chances = _chances(store, asked)
    buckets = [Bucket() for _ in _EDGES[1:]]
    steps = {name: [Bucket() for _ in _EDGES[1:]] for name in _NAMES}
    silent = warned = warned_late = 0
    for (facts, place, now), known in zip(asked, chances, strict=True):
        step = facts.steps[place]
        if step.state(now, facts.started_at, facts.cancelled_at) != "pending" or facts.cancelled_at < NEVER:
            continue
        chance = known.chance(facts, place, now)
        if chance is None:
            silent += 1
            continue
        made = step.met_at <= step.deadline
        for its in (buckets, steps[step.name]):
            bucket = next(one for one, top in zip(its, _EDGES[1:], strict=True) if chance.share < top)
            bucket.told.append(chance.share)
            bucket.made += made
        risk = known.risk(facts, now)[place]
        if step.state(now, facts.started_at, NEVER, risk) == "at_risk":
            warned, warned_late = warned + 1, warned_late + (not made)
    return _figures(options, ran_on, took, len(past), buckets, steps, silent, warned, warned_late)


def _chances(store: Store, asked: Sequence[tuple[Facts, int, datetime]]) -> list[Chances]:
    """What is known at each moment. One read per moment would be a read per instance; all points are few."""
    seen: dict[tuple[Any, ...], Chances] = {}
    found = []
    for facts, _, now in asked:
        key: tuple[Any, ...] = (
            *(step.met_at <= now for step in facts.steps),
            *(step.applicable for step in facts.steps),
            facts.started_at.astimezone(UTC).hour,
            facts.started_at.isoweekday(),
            facts.cancelled_at <= now,
        )
        if key not in seen:
            seen[key] = Chances.of(store, [facts], now)
        found.append(seen[key])
    return found


def _moment(facts: Facts, dice: random.Random) -> tuple[int, datetime]:
    place = dice.choice([n for n, step in enumerate(facts.steps) if step.applicable])
    whole = (facts.steps[place].deadline - facts.started_at) / timedelta(milliseconds=1)
    return place, facts.started_at + timedelta(milliseconds=int(whole * dice.random()))


def _instances(count: int, dice: random.Random) -> Iterator[Facts]:
    """Discharges: by day thrice as many as by night, and slower by night and at weekends."""
    began = END - timedelta(days=DAYS)
    while count:
        started = began + timedelta(milliseconds=dice.randrange(DAYS * 86_400_000))
        night, weekend = not 11 <= started.hour < 23, started.isoweekday() > 5
        if (night and dice.random() < 0.66) or (weekend and dice.random() < 0.5):
            continue
        count -= 1
        slow = (1.7 if night else 1.0) * (1.5 if weekend else 1.0)
        yield _instance(f"{dice.getrandbits(128):032x}", started, slow, dice)


def _instance(journey: str, started: datetime, slow: float, dice: random.Random) -> Facts:
    def after(moment: datetime, median_s: float, spread: float, lost: float) -> datetime:
        if moment >= NEVER or dice.random() < lost:
            return NEVER
        return moment + timedelta(milliseconds=int(1000 * median_s * math.exp(dice.gauss(0, spread))))

    heavy = math.exp(dice.gauss(0, 0.4))  # what makes one step slow makes the next one slow too
    accepted = after(started, 2, 1.1, 0.01)
    billing = after(accepted, 300 * slow * heavy, 0.7, 0.03)
    posted = after(billing, 900 * slow * heavy, 0.8, 0.02)
    refused = NEVER
    if posted < NEVER and dice.random() < 0.05:
        refused, posted = posted, after(posted, 1800, 1.0, 0.3)
    claim = after(posted if posted < NEVER else billing, 12 * 3600 * heavy, 0.9, 0.04)
    if claim < NEVER:  # sent by the batch of the next night
        claim = claim.replace(hour=6, minute=0, second=0, microsecond=0) + timedelta(
            days=1, seconds=dice.randrange(3600)
        )
    patient_class_claims = dice.random() < 0.8
    cancelled = after(started, 3600, 1.0, 0.98)
    limits = (timedelta(minutes=1), timedelta(minutes=15), timedelta(hours=1), timedelta(days=3))
    return Facts(
        workflow=WORKFLOW,
        journey=journey,
        occurrence=1,
        started_at=started,
        facility="NSH",
        steps=tuple(
            StepFacts(
                name,
                applicable,
                started + limit,
                met_at=met if applicable else NEVER,
                failed_at=refused if name == "ERP posted" else NEVER,
                required=applicable,
                base=started,
            )
            for name, limit, met, applicable in zip(
                _NAMES,
                limits,
                (accepted, billing, posted, claim),
                (True, True, True, patient_class_claims),
                strict=True,
            )
        ),
        cancelled_at=cancelled,
        version=1,
    )


_COLUMNS = (
    "workflow", "version", "journey", "item", "occurrence", "certainty", "facility", "started_at",
    "cancelled_at", "ended_at", "step_names", "step_applicable", "step_required", "step_bases",
    "step_deadlines", "step_met_at", "step_failed_at", "deleted", "evaluated_at",
)  # fmt: skip


def _write(store: Store, instances: Sequence[Facts]) -> None:
    for first in range(0, len(instances), 10_000):
        rows = [
            (
                one.workflow, one.version, one.journey, "", 1, "certain", one.facility, one.started_at,
                one.cancelled_at, NEVER, [step.name for step in one.steps],
                [int(step.applicable) for step in one.steps], [int(step.required) for step in one.steps],
                [step.base for step in one.steps], [step.deadline for step in one.steps],
                [step.met_at for step in one.steps], [step.failed_at for step in one.steps], 0, END,
            )
            for one in instances[first : first + 10_000]
        ]  # fmt: skip
        store.insert("instances", _COLUMNS, rows)


def _figures(
    options: argparse.Namespace,
    ran_on: dict[str, Any],
    took: float,
    learned: int,
    buckets: Sequence[Bucket],
    steps: dict[str, list[Bucket]],
    silent: int,
    warned: int,
    warned_late: int,
) -> dict[str, Any]:
    answers = sum(len(bucket.told) for bucket in buckets)
    print(
        f"{options.instances:,} instances over {DAYS} days; "
        f"learned from {learned:,} in {took * 1000:.0f} ms; {answers:,} answers, silent {silent:,} times"
    )
    print(f"{'told':>12}{'answers':>10}{'mean told':>12}{'made it':>10}{'differs by':>12}")
    rows = []
    for bucket, low, top in zip(buckets, _EDGES, _EDGES[1:], strict=False):
        if not bucket.told:
            continue
        count = len(bucket.told)
        told, made = sum(bucket.told) / count, bucket.made / count
        print(
            f"{low:>6.0%} -{min(top, 1):>4.0%}{count:>10,}{told:>12.1%}{made:>10.1%}"
            f"{bucket.points:>+9.1f} points"
        )
        rows.append({"from": low, "answers": count, "told": round(told, 4), "made": round(made, 4)})
    full = [bucket for bucket in buckets if len(bucket.told) >= _FEWEST_ANSWERS]
    worst = max((abs(bucket.points) for bucket in full), default=0.0)
    by_step = {
        name: round(max((abs(one.points) for one in its if len(one.told) >= _FEWEST_ANSWERS), default=0.0), 1)
        for name, its in steps.items()
    }
    late = warned_late / warned if warned else None
    print(
        f"at risk when asked: {warned:,}, of which came late {late:.0%}" if late is not None else "no warning"
    )
    print(
        "worst bucket of each step: "
        + ", ".join(f"{name} {points} points" for name, points in by_step.items())
    )
    return {
        "instances": options.instances,
        "answers": answers,
        "silent": silent,
        "worst_points": round(worst, 1),
        "worst_points_by_step": by_step,
        "at_risk": warned,
        "at_risk_late": round(late, 3) if late is not None else None,
        "learned_ms": round(took * 1000),
        "buckets": rows,
        "machine": ran_on,
    }


if __name__ == "__main__":
    main()
