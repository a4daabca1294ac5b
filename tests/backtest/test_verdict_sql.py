"""What the store says of steps in a backtest is what facts say, whatever the facts are."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

from slo.workflows.backtest.draft import PACKAGE, STOOD, inserting
from slo.workflows.backtest.scratch import scratch
from slo.workflows.facts import NEVER, Facts, StepFacts
from tests.workflows.traffic import MONDAY, token_of
from tracing.store import Store, load_sql

NOW = MONDAY + timedelta(hours=2)
TIMES = (*(MONDAY + timedelta(minutes=30 * n) for n in range(9)), NEVER)


def some_facts(dice: random.Random, number: int) -> Facts:
    """An occurrence of which nothing is sure."""
    steps = [
        StepFacts(
            name=f"step {n}",
            applicable=dice.random() < 0.8,
            deadline=dice.choice(TIMES),
            met_at=dice.choice(TIMES),
            failed_at=dice.choice(TIMES),
        )
        for n in range(dice.randrange(1, 4))
    ]
    required = tuple(replace(step, required=step.applicable and dice.random() < 0.8) for step in steps)
    cancelled = dice.choice(TIMES) if dice.random() < 0.2 else NEVER
    return Facts("any", token_of(f"visit:{number}"), 1, MONDAY, "NSH", required, cancelled_at=cancelled)


def row(facts: Facts) -> tuple[object, ...]:
    steps = facts.steps
    wanted = [step for step in steps if step.required]
    due = min((step.deadline for step in wanted if step.met_at > step.deadline), default=NEVER)
    done = max((step.met_at for step in wanted), default=facts.started_at)
    return (
        facts.workflow, 1, facts.journey, 1, facts.started_at, facts.cancelled_at,
        [step.name for step in steps], [int(step.applicable) for step in steps],
        [int(step.required) for step in steps], [step.deadline for step in steps],
        [step.met_at for step in steps], [step.failed_at for step in steps],
        done if due == NEVER else NEVER, due, done, MONDAY,
    )  # fmt: skip


def test_verdicts_and_states_are_those_of_facts(store: Store) -> None:
    dice = random.Random(4)
    known = {facts.journey: facts for facts in (some_facts(dice, number) for number in range(400))}
    columns = (
        "workflow", "version", "journey", "occurrence", "started_at", "cancelled_at", "step_names",
        "step_applicable", "step_required", "step_deadlines", "step_met_at", "step_failed_at", "good_at",
        "due_at", "done_at", "evaluated_at",
    )  # fmt: skip
    store.insert("instances", columns, [row(facts) for facts in known.values()])
    asked = {"workflow": "any", "since": MONDAY, "now": NOW, "side": STOOD}
    with scratch(store, load_sql(PACKAGE, "verdicts_table.sql"), NOW) as table:
        store.command(inserting("insert_live.sql", table, page="SELECT journey FROM instances"), asked)
        rows = store.query(f"SELECT journey, verdict, rated, names, states FROM {table}").rows
    assert len(rows) == len(known)
    for journey, verdict, rated, names, states in rows:
        facts = known[journey]
        said = zip(facts.steps, facts.step_states(NOW), strict=True)
        counting = [(step.name, state) for step, state in said if step.required or state == "failed"]
        assert list(zip(names, states, strict=True)) == counting
        assert verdict == facts.state(NOW)
        good = all(step.met_at <= NOW for step in facts.steps if step.required)
        bad = any(step.deadline < min(NOW, step.met_at) for step in facts.steps if step.required)
        assert rated == (0 if verdict == "cancelled" else -1 if bad else 1 if good else 0)
