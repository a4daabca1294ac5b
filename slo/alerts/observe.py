"""Reads from the store what the conditions look at. Called by the alert loop; writes nothing."""

from __future__ import annotations

from datetime import datetime, timedelta

from slo.alerts.observations import Doubt, InterfaceActivity, StepTrouble
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
    return tuple(
        StepTrouble(workflow, step, kind, int(affected), oldest)
        for workflow, step, kind, affected, oldest in result.rows
    )


def observe_doubts(store: Store, now: datetime) -> tuple[Doubt, ...]:
    """Open key collisions, counted by reason and kind of key. Raises StoreError."""
    result = store.query(load_sql("slo.alerts", "sql/doubts.sql"), {"now": now})
    return tuple(Doubt(why, kind, int(keys), oldest) for why, kind, keys, oldest in result.rows)
