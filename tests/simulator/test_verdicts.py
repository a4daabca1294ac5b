"""Caretrail is right about a hospital that gets identity wrong in every way: the benchmark, small."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from benchmarks import verdicts
from simulator.identity import Story


def test_no_verdict_is_wrong_and_no_two_persons_are_joined(tmp_path: Path) -> None:
    figures = verdicts.run(
        tmp_path,
        Namespace(
            days=3,
            rate=30.0,
            seed=3,
            moments=3,
            show=5,
            identity=True,
            share=0.06,
            reuse_days=70,
            batches=2,
        ),
    )
    assert figures["journeys"] > 100
    # A number is given again after months, which this hospital has not.
    assert set(figures["stories"]) >= set(Story) - {Story.REUSED, Story.OTHER_AUTHORITY}
    assert figures["withdrawn"] > 0
    assert figures["collisions"]["blank"] > 0
    wrong = ("off_diagonal", "joined_patients", "split_journeys", "unseen")
    assert {name: figures[name] for name in wrong} == dict.fromkeys(wrong, 0)
