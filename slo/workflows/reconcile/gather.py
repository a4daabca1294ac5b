"""Gathers the cases of a reconciliation into tables of their own, each step of the way computed once.

Called by slo.workflows.reconcile.report and by conformance. It reads checkpoints and instances and writes
nothing else than what it drops again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from slo.workflows import placing
from slo.workflows.backtest.scratch import scratch
from slo.workflows.model import Workflow
from slo.workflows.reconcile.model import COUNT
from tracing.store import Store, load_sql

PACKAGE = "slo.workflows.reconcile.sql"
#: A message may be seen before the start it belongs to: clocks differ, and engines hand on early.
_EARLY = timedelta(days=1)
#: What is not over after so long is compared as if it had begun then.
_REACH = timedelta(days=62)


def scope(
    workflow: Workflow, version: int, steps: Sequence[str], begin: datetime, now: datetime
) -> dict[str, Any]:
    """What the queries need to know of a workflow and a time; the rest counts messages, ungrouped."""
    matches = [workflow.spec.step(name).matches for name in steps]
    return {
        "workflow": workflow.name,
        "version": version,
        "steps": list(steps),
        "outcomes": [sorted({word for match in its for word in match.met_by}) for its in matches],
        "measure": COUNT,
        "currency": "",
        "by": [],
        "share": 0.0,
        "zone": "UTC",
        "now": now,
        "since": begin,
        "early": begin - _EARLY,
        "reach": begin - _REACH,
    }


@contextmanager
def gathered(store: Store, workflow: Workflow, asked: Mapping[str, Any], now: datetime) -> Iterator[str]:
    """The name of a table with the cases that `asked` (see `scope`) means. Raises StoreError."""
    with (
        scratch(store, load_sql(PACKAGE, "messages_table.sql"), now) as messages,
        scratch(store, load_sql(PACKAGE, "cases_table.sql"), now) as cases,
    ):
        store.command(_messages(workflow).replace("{{table}}", messages), asked)
        insert = load_sql(PACKAGE, "cases.sql").replace("{{messages}}", messages)
        store.command(insert.replace("{{table}}", cases), asked)
        yield cases


def _messages(workflow: Workflow) -> str:
    text = load_sql(PACKAGE, "messages.sql")
    each_item = workflow.spec.for_each is not None
    marks = {
        "mapping": placing.mapping("WHERE token IN (SELECT token FROM near)"),
        "journey_of": placing.journey_of(placing.unsure(workflow)),
        "items": load_sql(PACKAGE, "listed.sql") + placing.items(workflow, "journey") if each_item else "",
        "lines": load_sql(PACKAGE, "lines_of_items.sql" if each_item else "lines.sql").rstrip(),
    }
    for name, value in marks.items():
        text = text.replace("{{" + name + "}}", value)
    return text
