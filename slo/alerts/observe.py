"""Reads from the store what the conditions look at. Called by the alert loop; writes nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from slo.alerts.observations import Doubt, InterfaceActivity, StepTrouble
from slo.workflows.facts import NEVER
from slo.workflows.judgement import Judge
from slo.workflows.model import CRITICALITIES, Workflow
from tracing.store import Store, load_sql


def observe_interfaces(store: Store, now: datetime, silent_after: timedelta) -> tuple[InterfaceActivity, ...]:
    """Every interface of the last five weeks with its last message and what to expect. Raises StoreError."""
    result = store.query(
        load_sql("slo.alerts", "sql/interfaces.sql"),
        {"now": now, "silent_s": int(silent_after.total_seconds())},
    )
    return tuple(
        InterfaceActivity(interface, last_seen, float(expected), int(weeks), tuple(taps))
        for interface, last_seen, taps, weeks, expected in result.rows
    )


def observe_steps(store: Store, now: datetime, look_back: timedelta) -> tuple[StepTrouble, ...]:
    """Encounters in trouble that began less than `look_back` ago, by workflow and step. Raises StoreError."""
    result = store.query(
        load_sql("slo.alerts", "sql/step_trouble.sql"), {"now": now, "since": now - look_back}
    )
    if not result.rows:
        return ()
    versions = Judge.of(store).versions
    found: dict[tuple[str, str, str], StepTrouble] = {}
    for name, version, facility, step, kind, affected, oldest in result.rows:
        trouble = _told(versions.get((name, version)), name, step, kind, facility)
        trouble = replace(trouble, affected=int(affected), oldest=oldest)
        key = name, step, kind
        found[key] = _together(found[key], trouble) if key in found else trouble
    return tuple(found[key] for key in sorted(found))


def _told(workflow: Workflow | None, name: str, step: str, kind: str, facility: str) -> StepTrouble:
    """What the definition says of a step at a facility; nothing is affected yet."""
    trouble = StepTrouble(name, step, "failed" if kind == "failed" else "overdue", 0, NEVER)
    known = {one.name: one for one in workflow.spec.steps} if workflow else {}
    if workflow is None or step not in known:
        return trouble
    return replace(
        trouble,
        severity=workflow.severity(known[step], facility),
        owner=workflow.owner(known[step], facility),
        runbook=workflow.runbook(known[step], facility),
    )


def _together(one: StepTrouble, other: StepTrouble) -> StepTrouble:
    worst = min(one, other, key=lambda trouble: CRITICALITIES.index(trouble.severity))
    return replace(worst, affected=one.affected + other.affected, oldest=min(one.oldest, other.oldest))


def observe_doubts(store: Store, now: datetime) -> tuple[Doubt, ...]:
    """Open key collisions, counted by reason and kind of key. Raises StoreError."""
    result = store.query(load_sql("slo.alerts", "sql/doubts.sql"), {"now": now})
    return tuple(Doubt(why, kind, int(keys), oldest) for why, kind, keys, oldest in result.rows)
