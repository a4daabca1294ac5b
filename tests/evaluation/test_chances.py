"""Chances are shares of instances that were at the same point, and silence where there were too few."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from slo.workflows.chances import Chances, hours_of
from slo.workflows.facts import NEVER, Facts, StepFacts
from slo.workflows.history import learn
from tracing.store import Store

#: A Wednesday noon.
NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
NIGHT = NOON + timedelta(hours=12)
HOUR = timedelta(hours=1)
_COLUMNS = (
    "workflow", "version", "journey", "started_at", "cancelled_at", "ended_at", "step_names",
    "step_applicable", "step_required", "step_bases", "step_deadlines", "step_met_at",
    "step_failed_at", "evaluated_at",
)  # fmt: skip


def instance(number: int, start: datetime, met: Sequence[float | None]) -> Facts:
    """Two steps, due after one and two hours, met after so many minutes (None: never)."""
    steps = tuple(
        StepFacts(
            name,
            True,
            start + hours * HOUR,
            met_at=NEVER if minutes is None else start + timedelta(minutes=minutes),
            base=start,
        )
        for name, hours, minutes in zip(("one", "two"), (1, 2), met, strict=True)
    )
    return Facts("w", f"{number:032x}", 1, start, "", steps, version=1)


def learned(store: Store, instances: Sequence[Facts]) -> None:
    rows = [
        (
            one.workflow, one.version, one.journey, one.started_at, one.cancelled_at, one.ended_at,
            [step.name for step in one.steps], [1, 1], [1, 1], [step.base for step in one.steps],
            [step.deadline for step in one.steps], [step.met_at for step in one.steps],
            [step.failed_at for step in one.steps], one.started_at,
        )
        for one in instances
    ]  # fmt: skip
    store.insert("instances", _COLUMNS, rows)
    learn(store, "w", 1, "UTC", NOON + 20 * HOUR)


def chance(store: Store, facts: Facts, place: int, minutes: float) -> tuple[float, int] | None:
    now = facts.started_at + timedelta(minutes=minutes)
    found = Chances.of(store, [facts], now).chance(facts, place, now)
    return found and (found.share, found.total)


@pytest.mark.parametrize(
    ("moment", "hours"),
    [
        (datetime(2026, 3, 4, 12, tzinfo=UTC), 0),
        (datetime(2026, 3, 4, 11, 59, tzinfo=UTC), 1),
        (datetime(2026, 3, 7, 12, tzinfo=UTC), 2),
        (datetime(2026, 3, 7, 4, tzinfo=UTC), 1),  # still Friday night in New York
        (datetime(2026, 3, 8, 23, 30, tzinfo=UTC), 3),
    ],
)
def test_hours_are_those_of_the_place(moment: datetime, hours: int) -> None:
    assert hours_of(moment, "America/New_York") == hours


def test_the_share_is_of_those_that_still_waited(store: Store) -> None:
    done = [instance(n, NOON, (10 if n < 100 else 50 if n < 160 else None, 70)) for n in range(240)]
    learned(store, done)
    new = instance(999, NOON, (None, None))
    assert chance(store, new, 0, 1) == (160 / 240, 240)
    # A hundred were met meanwhile; of the others sixty made it.
    assert chance(store, new, 0, 20) == (60 / 140, 140)
    assert chance(store, new, 0, 59) == (0, 80)
    # The second step was never late, at whatever point; once the first is done, that is another point.
    assert chance(store, new, 1, 20) == (1, 140)
    assert chance(store, instance(999, NOON, (10, None)), 1, 20) == (1, 100)


def test_the_same_hours_speak_first_then_all_then_nobody(store: Store) -> None:
    by_day = [instance(n, NOON, (10 if n % 2 else None, 70)) for n in range(60)]
    by_night = [instance(n, NIGHT, (10, 70)) for n in range(60, 90)]
    learned(store, by_day + by_night)
    assert chance(store, instance(999, NOON, (None, None)), 0, 1) == (0.5, 60)
    assert chance(store, instance(999, NIGHT, (None, None)), 0, 1) == (60 / 90, 90)
    # By then sixty of them are through, and thirty are too few to say anything of.
    assert chance(store, instance(999, NIGHT, (None, None)), 0, 30) is None
    assert chance(store, instance(999, NIGHT, (10, None)), 0, 30) is None


def test_at_risk_begins_where_fewer_than_half_made_it(store: Store) -> None:
    learned(store, [instance(n, NOON, (10 if n < 100 else 50 if n < 160 else None, 70)) for n in range(240)])
    new = instance(999, NOON, (None, None))
    for minutes in (1, 9, 11, 40, 55):
        now = NOON + timedelta(minutes=minutes)
        known = Chances.of(store, [new], now)
        told = known.chance(new, 0, now)
        assert told is not None
        state = new.step_states(now, known.risk(new, now))[0]
        assert state == ("at_risk" if told.share < 0.5 else "pending"), minutes
