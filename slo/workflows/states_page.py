"""The page docs/workflows/states.md: every situation a step or an instance can be in, and its name.

A test renders it and compares; the rows come from slo.workflows.facts, which the property tests hold against
the SQL. Run `python -m slo.workflows.states_page` to write it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path

from slo.workflows.facts import NEVER, StepFacts, instance_state
from slo.workflows.rows import STEP_STATES, StepState

PAGE = Path(__file__).parents[2] / "docs" / "workflows" / "states.md"
_START = datetime(2026, 3, 2, 14, tzinfo=UTC)
_HOUR = timedelta(hours=1)
_HEAD = """# States of steps and instances

Generated from the model in `slo/workflows/facts.py` by `python -m slo.workflows.states_page`; a test
compares it. States are judged when they are read, from stored facts and the time of reading: a deadline
that passes changes a state in that very millisecond, without a message and without a write.

## What counts

- A **start**, a **cancellation** and an **end** count from when the message was sent, whatever was answered.
  A **step** counts from when its message was acknowledged, and only from the start on.
- A start repeated without a cancellation or an end between is the same occurrence; its first sending counts.
  A start after one of them begins **another occurrence**; what is seen from then on belongs to that one.
- A step is **met** by the first message with an outcome its definition names (with `count`, by the last of so
  many different messages); without one in the definition, by `accepted` or, where nothing acknowledges (a
  file), `none`. It has **failed** after `rejected` or `error` with no success up to now; a broken connection
  or silence (`timeout`, `none`) is no answer and leaves it open.
- A deadline is kept by a success at that very millisecond, and missed one later. It counts from the start, or
  from when the last of the steps it comes `after` was met; until then there is none. After an **end** it is
  that moment at the latest.
- A step with `when` does **not apply** if the value of the occurrence is another: the start message's, or
  that of its first message that has one. What is not known exempts from nothing: it is watched.
- An instance waits for its **required** steps: those that apply and are not `optional`. A step `after` an
  optional one applies only once that was met. Nobody misses an optional step: past its deadline it does not
  apply.
- A step with `forbidden_before` is met when the step it names is; it has failed, for good, if one of its
  messages was seen before that.
- A step is **at risk** when, of the instances of its own workflow that were at the same point, fewer than
  half met the deadline from there; see [at risk](at-risk.md).
- A message belongs to a journey by its best key; see the documentation of journeys for keys with several
  visits.

## Steps

The first row that fits holds.

| applies | met | cancelled | refused, or too early | deadline | required | likelier late | state |
|---|---|---|---|---|---|---|---|
"""
_INSTANCES = """
## Instances

A cancelled instance is `cancelled` whatever its steps are. Otherwise its state follows from the states of its
required steps; every combination is listed. Without any it is completed.

| required steps (each at least once, no other) | state |
|---|---|
"""


def render() -> str:
    """The whole page."""
    steps = "".join(f"| {' | '.join(row)} |\n" for row in _step_rows())
    states = [state for state in STEP_STATES if state != "cancelled"]
    instances = "".join(
        f"| {', '.join(chosen)} | {instance_state(chosen)} |\n"
        for size in range(1, len(states) + 1)
        for chosen in combinations(states, size)
    )
    return _HEAD + steps + _INSTANCES + instances


def _step_rows() -> list[tuple[str, ...]]:
    """One row per distinct situation, in the order of precedence; a dash does not matter."""
    now, deadline = _START + 3 * _HOUR, _START + 2 * _HOUR
    late, early = _START + 2.5 * _HOUR, _START + _HOUR

    def state(**facts: object) -> StepState:
        cancelled = facts.pop("cancelled_at", NEVER)
        risk = facts.pop("risk_after", -1.0)
        step = StepFacts("step", **{"applicable": True, "deadline": deadline, **facts})  # type: ignore[arg-type]
        return step.state(now, _START, cancelled, risk)  # type: ignore[arg-type]

    ahead = now + _HOUR
    return [
        ("no", "–", "–", "–", "–", "–", "–", state(applicable=False, met_at=early, failed_at=early)),
        ("yes", "by the deadline", "–", "–", "–", "–", "–", state(met_at=early, cancelled_at=late)),
        ("yes", "after it", "–", "–", "–", "–", "–", state(met_at=late, failed_at=early, cancelled_at=late)),
        ("yes", "no", "yes", "–", "–", "–", "–", state(cancelled_at=late, failed_at=early)),
        ("yes", "no", "no", "yes", "–", "–", "–", state(failed_at=early, risk_after=1.0)),
        ("yes", "no", "no", "no", "passed", "yes", "–", state(risk_after=1.0)),
        ("yes", "no", "no", "no", "passed", "no", "–", state(required=False, risk_after=1.0)),
        ("yes", "no", "no", "no", "ahead or none", "yes", "yes", state(deadline=ahead, risk_after=1.0)),
        ("yes", "no", "no", "no", "ahead or none", "yes", "no", state(deadline=ahead, risk_after=99_999.0)),
        ("yes", "no", "no", "no", "ahead or none", "no", "–", state(deadline=ahead, required=False)),
    ]


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(render(), encoding="utf-8")
