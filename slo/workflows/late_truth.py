"""What late truth changed of instances that were closed: a message that came days later, a link learned late.

Read by the encounter page and the REST interface. The evaluator writes it (insert_changes.sql) before it
writes the facts themselves; judged are always the newest facts, and this says what was believed before.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from slo.workflows.facts import NEVER
from slo.workflows.messages import members_of
from slo.workflows.rows import Change, Difference
from tracing.store import Store, load_sql


def changes(store: Store, journey: str) -> list[Change]:
    """What late truth changed in a journey, oldest first; also of instances under its keys' own names."""
    return changes_of(store, {journey, *members_of(store, [journey])[journey]})


def changes_of(store: Store, tokens: Iterable[str]) -> list[Change]:
    """What late truth changed of the instances of these journeys, oldest first."""
    sql = load_sql("slo.workflows.sql", "changes_of.sql")
    return [_change(row) for row in store.query(sql, {"journeys": sorted(tokens)}).rows]


def _change(row: tuple[Any, ...]) -> Change:
    *key, reopened, steps, facts, before, after = row
    found = zip(steps, facts, map(_known, before), map(_known, after), strict=True)
    workflow, its_journey, item, version, occurrence, sealed_at, at = key
    return Change(
        workflow,
        its_journey,
        item,
        version,
        occurrence,
        sealed_at,
        at,
        bool(reopened),
        tuple(Difference(*one) for one in found),
    )


def _known(at: datetime) -> datetime | None:
    return at if at < NEVER else None
