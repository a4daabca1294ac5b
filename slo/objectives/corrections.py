"""Corrections: stretches that do not count against objectives, entered by people and applied when somebody
asks.

Called by the administration page. Rows are only added: taking a correction back is a newer row, so that who
changed what and when stays on record, and budgets follow at once in both directions.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import datetime

from tracing.store import Store, load_sql

CATEGORIES = ("scheduled maintenance", "vendor downtime", "deployment", "other")
_COLUMNS = (
    "id",
    "starts",
    "ends",
    "workflow",
    "facility",
    "category",
    "reason",
    "changed_by",
    "changed_at",
    "revoked",
)


@dataclass(frozen=True)
class Correction:
    """Decisions from `starts` (included) to `ends` (not included) are left out; empty scopes mean all."""

    id: str
    starts: datetime
    ends: datetime
    workflow: str
    facility: str
    category: str
    reason: str
    changed_by: str
    changed_at: datetime
    revoked: bool


def add(
    store: Store,
    *,
    starts: datetime,
    ends: datetime,
    category: str,
    reason: str,
    who: str,
    now: datetime,
    workflow: str = "",
    facility: str = "",
) -> Correction:
    """Enter a correction. Raises ValueError naming what is wrong with it."""
    if starts.tzinfo is None or ends.tzinfo is None or ends <= starts:
        raise ValueError("a correction ends after it starts, both with a time zone")
    if category not in CATEGORIES:
        raise ValueError(f"the category must be one of {', '.join(CATEGORIES)}")
    if not reason.strip() or not who.strip():
        raise ValueError("a correction needs a reason and a name")
    correction = Correction(
        uuid.uuid4().hex, starts, ends, workflow, facility, category, reason.strip(), who, now, False
    )
    _write(store, correction)
    return correction


def revoke(store: Store, identity: str, who: str, now: datetime) -> Correction:
    """Take a correction back. Raises LookupError when there is none of that id."""
    for old in listed(store):
        if old.id == identity:
            revoked = replace(old, changed_by=who, changed_at=now, revoked=True)
            _write(store, revoked)
            return revoked
    raise LookupError(f"no correction {identity}")


def listed(store: Store) -> list[Correction]:
    """Every correction as it stands, revoked ones too, the latest start first."""
    rows = store.query(load_sql("slo.objectives", "sql/corrections.sql")).rows
    return [Correction(*(*row[:9], bool(row[9]))) for row in rows]


def _write(store: Store, correction: Correction) -> None:
    store.insert("corrections", _COLUMNS, [tuple(getattr(correction, column) for column in _COLUMNS)])
