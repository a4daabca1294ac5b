"""Texts of a definition as SQL, and templates filled: the spelling that all compiled SQL shares.

Called by slo.workflows.compile and slo.workflows.checkpoints. Every text of a definition goes through
`literal`; nothing else here may put a value into SQL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from tracing.store import load_sql

PACKAGE = "slo.workflows.sql"
_MARK = re.compile(r"\{\{(\w+)\}\}")


def literal(text: str) -> str:
    """A ClickHouse string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def literals(values: Iterable[str]) -> str:
    """An array of string literals."""
    return "[" + ", ".join(literal(value) for value in values) + "]"


def among(column: str, values: Iterable[str]) -> str:
    """Whether `column` is one of `values`."""
    values = tuple(values)
    # One value is compared: a set of one costs each insert the analysis of a set.
    if len(values) == 1:
        return f"{column} = {literal(values[0])}"
    return f"{column} IN ({', '.join(literal(value) for value in values or ('@none',))})"


def fill(name: str, **values: str) -> str:
    """The template `name` with its `{{marks}}` replaced, its header comment included."""
    return _MARK.sub(lambda found: values[found[1]], load_sql(PACKAGE, name))


def without_comments(sql: str) -> str:
    """The lines that are no comment."""
    return "\n".join(line for line in sql.splitlines() if not line.lstrip().startswith("--"))
