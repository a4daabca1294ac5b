"""What is known of one occurrence of a workflow, and what that means at a moment.

Facts come from the store (slo.workflows.read) or from the reference model (slo.workflows.judge); a state is a
pure function of facts and `now`, so an overdue step shows at its very second with nobody writing. The table
in docs/workflows/states.md is generated from the two functions here (slo.workflows.states_page).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from slo.workflows.rows import InstanceState, StepState

#: "Never" as a time: later than anything, so that comparisons need no third case.
NEVER = datetime(2200, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class StepFacts:
    """One step: whether it applies, until when, when it was first met and first refused (NEVER: not seen).

    `required`: the instance waits for it. `base`: what its deadline counts from (NEVER: not known yet).
    `risk_after` is in seconds after the start, negative when unknown. Outcome, code and reason belong to the
    first refusal, `met_outcome` and `met_ack` to the first success. For a step that must not happen, the
    refusal is its happening, and it is met when the step it must not precede is.
    """

    name: str
    applicable: bool
    deadline: datetime
    met_at: datetime = NEVER
    failed_at: datetime = NEVER
    met_outcome: str = ""
    met_ack: str = ""
    failed_outcome: str = ""
    failed_ack: str = ""
    failed_reason: str = ""
    required: bool = True
    base: datetime = NEVER

    def state(
        self, now: datetime, started_at: datetime, cancelled_at: datetime = NEVER, risk_after: float = -1.0
    ) -> StepState:
        """The state of the step at `now`; the first that holds, from the top."""
        if not self.applicable:
            return "not_applicable"
        if self.met_at <= now:
            return "met" if self.met_at <= self.deadline else "met_late"
        if cancelled_at <= now:
            return "cancelled"
        if self.failed_at <= now:
            return "failed"
        if self.deadline < now:
            # Nobody misses what was optional.
            return "overdue" if self.required else "not_applicable"
        after = timedelta(milliseconds=int(risk_after * 1000))
        if self.required and risk_after >= 0 and started_at + after <= now:
            return "at_risk"
        return "pending"


@dataclass(frozen=True, slots=True)
class Facts:
    """One occurrence of a workflow for a journey, or for one item of it."""

    workflow: str
    journey: str
    occurrence: int
    started_at: datetime
    facility: str
    steps: tuple[StepFacts, ...]
    cancelled_at: datetime = NEVER
    certainty: str = "certain"
    version: int = 0
    item: str = ""
    ended_at: datetime = NEVER

    def step_states(self, now: datetime, risk: Sequence[float] = ()) -> list[StepState]:
        """The state of every step, in the order of the definition."""
        return [
            step.state(now, self.started_at, self.cancelled_at, risk[n] if n < len(risk) else -1.0)
            for n, step in enumerate(self.steps)
        ]

    def state(self, now: datetime, risk: Sequence[float] = ()) -> InstanceState:
        """The state of the occurrence at `now`."""
        if self.cancelled_at <= now:
            return "cancelled"
        states = self.step_states(now, risk)
        return instance_state(
            [state for step, state in zip(self.steps, states, strict=True) if step.required]
        )


def instance_state(steps: Sequence[StepState]) -> InstanceState:
    """The state of an instance that was not cancelled, from its required steps; the first that holds."""
    if "failed" in steps:
        return "failed"
    if all(state in ("met", "met_late", "not_applicable") for state in steps):
        return "completed_late" if "met_late" in steps else "completed"
    if "overdue" in steps:
        return "overdue"
    return "at_risk" if "at_risk" in steps else "on_track"
