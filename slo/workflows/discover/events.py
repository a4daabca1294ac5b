"""Events of journeys over some days, gathered into a table of their own from spans of every kind.

Called by discovery and conformance. Some days at a time, so that millions of spans never lie in memory
together.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from slo.workflows.backtest.draft import days
from slo.workflows.backtest.scratch import scratch
from slo.workflows.model import ITEMS, JOURNEYS
from tracing.store import Store, load_sql

PACKAGE = "slo.workflows.discover.sql"


@contextmanager
def gathered(store: Store, since: datetime, now: datetime) -> Iterator[str]:
    """The name of a table with the events of the days from `since` to `now`. Raises StoreError."""
    insert = load_sql(PACKAGE, "insert_events.sql")
    with scratch(store, load_sql(PACKAGE, "events_table.sql"), now) as table:
        for first, last in days(store, since.date(), now.date()):
            asked = {"first": first, "last": last, "kinds": list(JOURNEYS), "items": list(ITEMS)}
            store.command(insert.replace("{{table}}", table), asked)
        yield table
