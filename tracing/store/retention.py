"""How long things are kept that go before the rest: sealed bodies.

Called by the core at its start. It must never rewrite data: the engine drops whole days when their time is
over.
"""

from __future__ import annotations

import re

from tracing.store.statements import render
from tracing.store.store import Store

_ALTER = "ALTER TABLE ${table:bodies} MODIFY TTL toDateTime(at) + toIntervalDay(%d)"
_STATEMENT = """
SELECT create_table_query FROM system.tables WHERE database = currentDatabase() AND name = {name:String}
"""
_KEPT = re.compile(r"TTL toDateTime\(at\) \+ toIntervalDay\((\d+)\)")


def keep_bodies(store: Store, days: int) -> None:
    """Keep sealed bodies for so many days from when their messages were seen. Raises as `Store.command`."""
    cluster = store.cluster
    table = "bodies_local" if cluster else "bodies"
    [(statement,)] = store.query(_STATEMENT, {"name": table}).rows
    found = _KEPT.search(statement)
    if found is None or int(found[1]) != days:
        store.command(render(_ALTER % days, cluster))
