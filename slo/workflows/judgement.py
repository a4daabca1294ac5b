"""Turns stored facts into rows for people, judged at a moment.

Used by the read modules only. States come from slo.workflows.facts, so a list of a hundred is judged here;
what has to count or sort a million is judged in SQL (state.sql, open_state.sql).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from slo.workflows.facts import NEVER, Facts, StepFacts
from slo.workflows.load import define_text
from slo.workflows.model import Workflow
from slo.workflows.rows import InstanceRow, StepRow, StepState
from tracing.store import Store, load_sql

PACKAGE = "slo.workflows.sql"
_WORST: tuple[StepState, ...] = ("failed", "overdue", "at_risk", "pending")
Key = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Judge:
    """Definitions and risk as they are now; makes rows of facts."""

    workflows: Mapping[str, Workflow]
    risks: Mapping[str, Sequence[float]]

    @classmethod
    def of(cls, store: Store) -> Judge:
        """Read definitions and risk from the store."""
        rows = store.query(load_sql(PACKAGE, "active.sql")).rows
        workflows = {name: _workflow(f"{name} version {version}", text) for name, version, text in rows}
        return cls(workflows, dict(store.query(load_sql(PACKAGE, "risks.sql")).rows))

    def row(self, facts: Facts, now: datetime) -> InstanceRow:
        """One instance at `now`."""
        risk = self.risks.get(facts.workflow, ())
        workflow = self.workflows.get(facts.workflow)
        systems = {step.name: step.system for step in workflow.spec.steps} if workflow else {}
        states = facts.step_states(now, risk)
        steps = [
            _step_row(step, state, systems.get(step.name, ""))
            for step, state in zip(facts.steps, states, strict=True)
        ]
        cancelled = facts.cancelled_at <= now
        open_steps = [] if cancelled else [step for step in steps if step.state in _WORST]
        worst = min(open_steps, key=lambda step: (_WORST.index(step.state), step.deadline), default=None)
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
            owner=workflow.metadata.owner if workflow else "",
            steps=steps,
            certainty=facts.certainty,
            cancelled_at=facts.cancelled_at if cancelled else None,
        )


def facts_of(store: Store, keys: Sequence[Key]) -> list[Facts]:
    """Facts of instances named by (workflow, journey, occurrence), in that order, without vanished ones."""
    if not keys:
        return []
    which = "i.workflow IN {workflows:Array(String)} AND i.journey IN {journeys:Array(String)}"
    workflows, journeys = sorted({key[0] for key in keys}), sorted({key[1] for key in keys})
    found = _read(store, which, {"workflows": workflows, "journeys": journeys})
    by_key = {(facts.workflow, facts.journey, facts.occurrence): facts for facts in found}
    return [by_key[key] for key in keys if key in by_key]


def facts_of_journeys(store: Store, workflows: Iterable[str], journeys: Sequence[str]) -> list[Facts]:
    """Facts of every instance of some journeys. Naming the workflows lets the sort key serve."""
    which = "i.workflow IN {workflows:Array(String)} AND i.journey IN {journeys:Array(String)}"
    return _read(store, which, {"workflows": list(workflows), "journeys": list(journeys)})


@lru_cache(maxsize=256)
def _workflow(title: str, text: str) -> Workflow:
    # A definition never changes under its version, and reading it takes longer than all the queries do.
    return define_text(text, title).workflow


def _read(store: Store, which: str, parameters: Mapping[str, Any]) -> list[Facts]:
    sql = load_sql(PACKAGE, "instance_facts.sql").replace("{{which}}", which)
    return [_facts(row) for row in store.query(sql, parameters).rows]


def _facts(row: tuple[Any, ...]) -> Facts:
    workflow, version, journey, occurrence, certainty, facility, started_at, cancelled_at, *steps = row
    return Facts(
        workflow=workflow,
        journey=journey,
        occurrence=occurrence,
        started_at=started_at,
        facility=facility,
        steps=tuple(
            StepFacts(name, bool(applicable), *rest) for name, applicable, *rest in zip(*steps, strict=True)
        ),
        cancelled_at=cancelled_at,
        certainty=certainty,
        version=version,
    )


def _step_row(step: StepFacts, state: StepState, system: str) -> StepRow:
    if state in ("met", "met_late"):
        return StepRow(
            step.name, state, step.met_at, step.deadline, step.met_outcome, "", system, step.met_ack
        )
    deadline = None if state == "not_applicable" else step.deadline
    if state == "failed" or (state == "cancelled" and step.failed_at < NEVER):
        return StepRow(
            step.name,
            state,
            step.failed_at,
            deadline,
            step.failed_outcome,
            step.failed_reason,
            system,
            step.failed_ack,
        )
    return StepRow(step.name, state, None, deadline, "", "", system)
