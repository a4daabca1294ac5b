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


def journey_of(unsure: str) -> str:
    """Expressions `journey` and `probable` of a row of `seen`, a message with its place in `mapping`.

    A message of which `unsure` is true stays its own.
    """
    text = load_sql(PACKAGE, "journey_of.sql").replace("{{unsure}}", f" OR {unsure}" if unsure else "")
    return without_comments(text).strip()


def unsure(workflow: Workflow) -> str:
    """A message placed by its patient alone is not heard where much depends on it."""
    return "" if workflow.hears_probable else "mapping.basis = 'patient'"


def items(workflow: Workflow, whose: str, journey_scope: str = "", key_scope: str = "") -> str:
    """The CTE `same`: which numbers are one item of what has the columns `whose`.

    The scopes are WHEREs of members and of keys.
    """
    # Nobody says whose numbers of things that only search are, so no message joins two of them.
    searched = workflow.spec.for_each in SEARCH_ONLY
    keys = "WHERE 0" if searched else key_scope
    return _fragment("items.sql", whose=whose, journey_scope=journey_scope, key_scope=keys)


def _fragment(name: str, **values: str) -> str:
    return without_comments(fill(name, **values)).strip()
