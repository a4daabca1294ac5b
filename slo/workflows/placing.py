"""The SQL that puts a message into its journey and an item among its numbers, wherever workflows need it.

Called by the compiler of facts and by reconciliation, so that both mean the same journey and the same item.
It must never run SQL.
"""

from __future__ import annotations

from slo.workflows.model import Workflow
from slo.workflows.sql_text import PACKAGE, fill, without_comments
from tracing.keys import SEARCH_ONLY
from tracing.store import load_sql


def mapping(scope: str) -> str:
    """The CTE `mapping`: where keys belong; `scope` is a WHERE of keys, or nothing."""
    return _fragment("mapping.sql", mapping_scope=scope)


def journey_of(workflow: Workflow) -> str:
    """Expressions `journey` and `probable` of a row of `seen`, a message with its place in `mapping`."""
    # A message placed by its patient alone is not heard where much depends on it.
    unsure = "" if workflow.hears_probable else " OR mapping.basis = 'patient'"
    return without_comments(load_sql(PACKAGE, "journey_of.sql").replace("{{unsure}}", unsure)).strip()


def items(workflow: Workflow, journey_scope: str = "", key_scope: str = "") -> str:
    """The CTE `same`: which numbers are one item; the scopes are WHEREs of members and of keys."""
    # Nobody says whose numbers of things that only search are, so no message joins two of them.
    searched = workflow.spec.for_each in SEARCH_ONLY
    return _fragment("items.sql", journey_scope=journey_scope, key_scope="WHERE 0" if searched else key_scope)


def _fragment(name: str, **values: str) -> str:
    return without_comments(fill(name, **values)).strip()
