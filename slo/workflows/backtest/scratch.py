"""A table for the time of one question: own name, dropped when the question is answered.

Used by backtests and by discovery, which look at months of history without touching what is live. Tables that
a killed process left behind are dropped by the next question, a day later.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from tracing.store import Store, StoreError, load_sql

log = logging.getLogger(__name__)

PREFIX = "scratch_"
_LEFT_BEHIND = timedelta(days=1)


@contextmanager
def scratch(store: Store, definition: str, now: datetime) -> Iterator[str]:
    """The name of a new table; `definition` is what follows the name in CREATE TABLE. Raises StoreError.

    On a cluster the table lives on the node that is asked.
    """
    _sweep(store, now)
    name = f"{PREFIX}{now:%Y%m%d%H%M%S}_{secrets.token_hex(4)}"
    store.command(f"CREATE TABLE {name} {definition}")
    try:
        yield name
    finally:
        try:
            store.command(f"DROP TABLE IF EXISTS {name}")
        except StoreError as error:
            log.warning("could not drop %s: %s", name, type(error).__name__)


def _sweep(store: Store, now: datetime) -> None:
    old = f"{PREFIX}{now - _LEFT_BEHIND:%Y%m%d%H%M%S}"
    rows = store.query(load_sql("slo.workflows.backtest.sql", "left_behind.sql"), {"prefix": PREFIX}).rows
    for (name,) in rows:
        if name < old:
            store.command(f"DROP TABLE IF EXISTS {name}")
