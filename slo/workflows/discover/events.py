"""Events of journeys over some days, gathered into a table of their own from spans of every kind.

Called by discovery and conformance. A day at a time, so that millions of spans never lie in memory together.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from slo.workflows.backtest.scratch import scratch
from slo.workflows.model import JOURNEYS
from tracing.store import Store, load_sql

PACKAGE = "slo.workflows.discover.sql"


@contextmanager
def gathered(store: Store, since: datetime, now: datetime) -> Iterator[str]:
    """The name of a table with the events of the days from `since` to `now`. Raises StoreError."""
    insert = load_sql(PACKAGE, "insert_events.sql")
    with scratch(store, load_sql(PACKAGE, "events_table.sql"), now) as table:
        day = since.date()
        while day <= now.date():
            store.command(insert.replace("{{table}}", table), {"day": day, "kinds": list(JOURNEYS)})
            day += timedelta(days=1)
        yield table
