"""Turns stored facts into rows for people, judged at a moment.

Used by the read modules only. States come from slo.workflows.facts, so a list of a hundred is judged here;
what has to count or sort a million is judged in SQL (state.sql, open_state.sql).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any

from slo.workflows.chances import NONE, Chance, Chances
from slo.workflows.facts import NEVER, Facts, StepFacts
from slo.workflows.load import define_text
from slo.workflows.model import Step, Workflow
from slo.workflows.rows import InstanceRow, StepRow, StepState
from tracing.store import Store, load_sql

PACKAGE = "slo.workflows.sql"
_WORST: tuple[StepState, ...] = ("failed", "overdue", "at_risk", "pending")
Key = tuple[str, str, str, int, int]
"""Workflow, journey, item, version, occurrence."""


@dataclass(frozen=True, slots=True)
class Judge:
    """Definitions as they are now; makes rows of facts."""

    workflows: Mapping[str, Workflow]
    """The newest version of every active workflow."""
    versions: Mapping[tuple[str, int], Workflow]
    """Every version there was."""

    @classmethod
    def of(cls, store: Store) -> Judge:
        """Read definitions from the store."""
        workflows, versions = {}, {}
        rows = tuples(store, "judged_by.sql")
        newest = {(name, version): rest for name, version, *rest, _ in sorted(rows, key=itemgetter(4))}
        for (name, version), (text, active) in sorted(newest.items(), reverse=True):
            versions[name, version] = workflow = _workflow(f"{name} version {version}", text)
            if active:
                workflows[name] = workflow
        return cls(workflows, versions)

    def rows(self, store: Store, instances: Sequence[Facts], now: datetime) -> list[InstanceRow]:
        """Instances at `now`, with their chances as far as the store has learned any."""
        chances = Chances.of(store, instances, now)
        return [self.row(facts, now, chances) for facts in instances]

    def row(self, facts: Facts, now: datetime, chances: Chances = NONE) -> InstanceRow:
        """One instance at `now`."""
        risk = chances.risk(facts, now)
        workflow = self.versions.get((facts.workflow, facts.version)) or self.workflows.get(facts.workflow)
        told = {step.name: step for step in workflow.spec.steps} if workflow else {}
        states = facts.step_states(now, risk)
        steps = [
            _step_row(step, state, told.get(step.name), workflow, facts.facility)
            for step, state in zip(facts.steps, states, strict=True)
        ]
        steps = [_with_chance(step, chances.chance(facts, place, now)) for place, step in enumerate(steps)]
        cancelled = facts.cancelled_at <= now
        open_steps = [step for step in steps if step.required and step.state in _WORST and not cancelled]
        worst = min(
            open_steps, key=lambda step: (_WORST.index(step.state), step.deadline or NEVER), default=None
        )
        return InstanceRow(
            workflow=facts.workflow,
            title=workflow.title if workflow else facts.workflow,
            journey=facts.journey,
            occurrence=facts.occurrence,
            state=facts.state(now, risk),
            started_at=facts.started_at,
            facility=facts.facility,
            step=worst.name if worst else "",
            deadline=worst.deadline if worst else None,
            late_s=(now - worst.deadline).total_seconds() if worst and worst.deadline else None,
            reason=worst.reason if worst else "",
            owner=worst.owner if worst else (workflow.metadata.owner if workflow else ""),
            steps=steps,
            certainty=facts.certainty,
            cancelled_at=facts.cancelled_at if cancelled else None,
            item=facts.item,
            version=facts.version,
            ended_at=facts.ended_at if facts.ended_at <= now else None,
            severity=worst.severity if worst else "",
            cost=0.0 if cancelled else _costs(steps, now),
            chance=worst.chance if worst else None,
            chance_of=worst.chance_of if worst else 0,
        )


def later(row: InstanceRow, now: datetime) -> InstanceRow:
    """An open instance a while later, when no deadline passed meanwhile; its chances stay as they were."""
    if row.deadline is None:
        return row
    return replace(row, late_s=(now - row.deadline).total_seconds(), cost=_costs(row.steps, now))


def key_of(facts: Facts) -> Key:
    """What names an instance."""
    return facts.workflow, facts.journey, facts.item, facts.version, facts.occurrence


def facts_of(store: Store, keys: Sequence[Key]) -> list[Facts]:
    """Facts of instances named by their keys, in that order, without vanished ones."""
    if not keys:
        return []
    workflows, journeys = sorted({key[0] for key in keys}), sorted({key[1] for key in keys})
    found = facts_of_journeys(store, workflows, journeys)
    by_key = {key_of(facts): facts for facts in found}
    return [by_key[key] for key in keys if key in by_key]


def facts_of_journeys(store: Store, workflows: Iterable[str], journeys: Sequence[str]) -> list[Facts]:
    """Facts of every instance of some journeys. Naming the workflows lets the sort key serve."""
    asked = {"workflows": list(workflows), "journeys": list(journeys)}
    newest: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    rows = tuples(store, "instance_facts.sql", asked)
    for _, deleted, *facts in sorted(rows, key=itemgetter(0)):
        workflow, version, journey, item, occurrence, *_ = facts
        newest[workflow, version, journey, item, occurrence] = (deleted, facts)
    return [_facts(facts) for deleted, facts in newest.values() if not deleted]


def tuples(store: Store, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
    """The rows of a query of this package that answers with one tuple a row, which is cheaper to plan."""
    return [row for (row,) in store.query(load_sql(PACKAGE, sql), parameters).rows]


@lru_cache(maxsize=256)
def _workflow(title: str, text: str) -> Workflow:
    # A definition never changes under its version, and reading it takes longer than all the queries do.
    return define_text(text, title).workflow


def _facts(row: Sequence[Any]) -> Facts:
    workflow, version, journey, item, occurrence, certainty, facility, started_at, *rest = row
    cancelled_at, ended_at, *steps = rest
    return Facts(
        workflow=workflow,
        journey=journey,
        item=item,
        occurrence=occurrence,
        started_at=started_at,
        facility=facility,
        steps=tuple(_step_facts(*step) for step in zip(*steps, strict=True)),
        cancelled_at=cancelled_at,
        ended_at=ended_at,
        certainty=certainty,
        version=version,
    )


def _step_facts(name: str, applicable: int, *rest: Any) -> StepFacts:
    deadline, met_at, failed_at, *said, required, base = rest
    met_outcome, met_ack, failed_outcome, failed_ack, failed_reason = said
    return StepFacts(
        name=name,
        applicable=bool(applicable),
        deadline=deadline,
        met_at=met_at,
        failed_at=failed_at,
        met_outcome=met_outcome,
        met_ack=met_ack,
        failed_outcome=failed_outcome,
        failed_ack=failed_ack,
        failed_reason=failed_reason,
        required=bool(required),
        base=base,
    )


def _step_row(
    step: StepFacts, state: StepState, told: Step | None, workflow: Workflow | None, facility: str
) -> StepRow:
    deadline = step.deadline if step.deadline < NEVER and state != "not_applicable" else None
    at, outcome, reason, ack_code = None, "", "", ""
    if state in ("met", "met_late"):
        at, outcome, ack_code = step.met_at, step.met_outcome, step.met_ack
    elif state == "failed" or (state == "cancelled" and step.failed_at < NEVER):
        at, outcome, ack_code = step.failed_at, step.failed_outcome, step.failed_ack
        reason = step.failed_reason
        if told is not None and told.forbidden_before:
            reason = "too_early"
    row = StepRow(
        step.name,
        state,
        at,
        deadline,
        outcome,
        reason,
        told.system if told else "",
        ack_code,
        required=step.required,
        since=step.base if step.base < NEVER else None,
    )
    if told is None or workflow is None:
        return row
    return replace(
        row,
        severity=workflow.severity(told, facility),
        owner=workflow.owner(told, facility),
        runbook=workflow.runbook(told, facility),
        cost_per_hour=workflow.cost_per_hour(told, facility),
        forbidden=told.forbidden_before is not None,
    )


def _with_chance(step: StepRow, chance: Chance | None) -> StepRow:
    if chance is None or step.state not in ("pending", "at_risk"):
        return step
    return replace(step, chance=chance.share, chance_of=chance.total)


def _costs(steps: Iterable[StepRow], now: datetime) -> float:
    return sum(_cost(step, now) for step in steps if step.required)


def _cost(step: StepRow, now: datetime) -> float:
    """What the delay of a step has cost up to `now`."""
    if step.deadline is None or not step.cost_per_hour:
        return 0.0
    until = step.at if step.state == "met_late" and step.at else now
    late = (until - step.deadline).total_seconds() if step.state != "met" else 0.0
    return max(0.0, late) / 3600 * step.cost_per_hour
