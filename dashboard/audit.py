"""Who looked at which encounter: a row for every patient-level view and every search that found one.

Called by the encounter page and the REST interface. Must never store what was searched for, only the journeys
it led to; a view that cannot be recorded is not shown.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from tracing.store import Store, load_sql

_COLUMNS = ("at", "id", "who", "role", "action", "journey", "why", "where_from")


@dataclass(frozen=True, slots=True)
class Look:
    """One look.  action: view_encounter, search, export, reveal_key, …; where_from: the client's address."""

    at: datetime
    who: str
    role: str
    action: str
    journey: str
    why: str
    where_from: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A look as it was written down."""

    id: str
    look: Look


def record(store: Store, looks: list[Look]) -> None:
    """Writes the rows before anything is shown; raises StoreError."""
    rows = [
        (look.at, uuid.uuid4(), look.who, look.role, look.action, look.journey, look.why, look.where_from)
        for look in looks
    ]
    store.insert("audit", list(_COLUMNS), rows)


def recent(store: Store, limit: int = 50) -> list[Look]:
    """The newest looks first; raises StoreError."""
    result = store.query(load_sql("dashboard.sql", "audit_recent.sql"), {"limit": limit})
    return [Look(*row) for row in result.rows]


def since(store: Store, begin: datetime, after: str, limit: int) -> list[Entry]:
    """Looks from `begin` on, oldest first; of that moment those behind the one called `after`."""
    asked = {"since": begin, "after": after, "limit": limit}
    result = store.query(load_sql("dashboard.sql", "audit_since.sql"), asked)
    return [Entry(row[0], Look(*row[1:])) for row in result.rows]
