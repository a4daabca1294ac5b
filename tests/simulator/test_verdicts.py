"""Caretrail is right about a hospital with every process, and one with every fault of identity."""

from __future__ import annotations

import json
import subprocess
import sys

from simulator.identity import Story

SMALL = [
    "--identity",
    "--days",
    "3",
    "--rate",
    "30",
    "--seed",
    "3",
    "--moments",
    "3",
    "--share",
    "0.06",
    "--reuse-days",
    "70",
    "--batches",
    "2",
]


def test_no_verdict_on_any_pack_is_wrong_at_any_moment() -> None:
    small = ["--days", "1", "--rate", "40", "--seed", "5", "--moments", "3"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.verdicts", *small], capture_output=True, text=True, check=True
    )
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["verdicts"] > 500
    # Some of everything: the diagonal is not right by having nothing on it.
    assert {pair.split(" | ")[0] for pair in figures["matrix"]} >= {
        "completed", "completed_late", "failed", "overdue",
    }  # fmt: skip
    wrong = ("off_diagonal", "joined_patients", "split_journeys", "unseen")
    assert {name: figures[name] for name in wrong} == dict.fromkeys(wrong, 0), done.stdout


def test_no_verdict_is_wrong_and_no_two_persons_are_joined() -> None:
    # A process of its own: the embedded engine opens one folder in a process.
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.verdicts", *SMALL], capture_output=True, text=True, check=True
    )
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["journeys"] > 100
    # A number is given again after months, which this hospital has not.
    assert set(figures["stories"]) >= set(Story) - {Story.REUSED, Story.OTHER_AUTHORITY}
    assert figures["withdrawn"] > 0
    assert figures["collisions"]["blank"] > 0
    wrong = ("off_diagonal", "joined_patients", "split_journeys", "unseen")
    assert {name: figures[name] for name in wrong} == dict.fromkeys(wrong, 0), done.stdout
