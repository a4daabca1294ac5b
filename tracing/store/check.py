"""Does the live schema equal the shipped one? For `caretrail store check` and `caretrail doctor`.

The engine itself reads the shipped statements: they run in a scratch database that is dropped again, so no
SQL has to be parsed here. Must never change the live database.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from tracing.store import migrate as schema
from tracing.store.errors import StoreRefused

if TYPE_CHECKING:
    from tracing.store.store import Store

_COLUMNS = """
SELECT table, name, type FROM system.columns WHERE database = {database:String} ORDER BY table, position
"""
_TABLES = """
SELECT name, replaceRegexpOne(engine, '^Replicated', ''), partition_key, sorting_key,
       replaceAll(as_select, concat({database:String}, '.'), '')
FROM system.tables
WHERE database = {database:String} AND name != 'schema_lock' AND name NOT LIKE '.inner%'
"""
_TABLE_FACTS = ("engine", "partition key", "sort key", "query")


def differences(store: Store) -> list[str]:
    """Sentences about what is missing or different in the live schema; objects made later are left alone
    (a view per workflow version, for example)."""
    try:
        done = schema.applied(store)
    except StoreRefused:
        return ["The database has never been migrated: run `caretrail store migrate`"]
    found = [
        f"{migration.file} has not been applied"
        if migration.file not in done
        else f"{migration.file} has changed since it was applied"
        for migration in schema.shipped()
        if done.get(migration.file) != migration.checksum
    ]
    scratch = store.beside(f"schema_check_{uuid.uuid4().hex}")
    try:
        scratch.command(f"CREATE DATABASE {scratch.database}", outside=True)
        schema.migrate(scratch, None)
        found += _compare(_picture(scratch), _picture(store), clustered=store.capabilities.replicated)
    finally:
        scratch.command(f"DROP DATABASE IF EXISTS {scratch.database}", outside=True)
        scratch.close()
    return found


def _picture(store: Store) -> tuple[dict[str, tuple[Any, ...]], dict[str, dict[str, str]]]:
    where = {"database": store.database}
    tables = {row[0]: row[1:] for row in store.query(_TABLES, where).rows}
    columns: dict[str, dict[str, str]] = {}
    for table, name, type_name in store.query(_COLUMNS, where).rows:
        columns.setdefault(table, {})[name] = type_name
    return tables, columns


def _compare(
    shipped: tuple[dict[str, tuple[Any, ...]], dict[str, dict[str, str]]],
    live: tuple[dict[str, tuple[Any, ...]], dict[str, dict[str, str]]],
    *,
    clustered: bool,
) -> list[str]:
    found: list[str] = []
    for table, facts in sorted(shipped[0].items()):
        if table not in live[0]:
            found.append(f"{table} is missing")
            continue
        # In a cluster the rows lie in the local table; the one with the plain name only distributes.
        at = f"{table}_local" if clustered and f"{table}_local" in live[0] else table
        for what, wanted, got in zip(_TABLE_FACTS, facts, live[0][at], strict=True):
            if wanted != got and not (clustered and what == "query"):
                found.append(f"{table}: the {what} is {got!r}, shipped is {wanted!r}")
        for column, wanted in shipped[1].get(table, {}).items():
            got = live[1].get(table, {}).get(column)
            if got is None:
                found.append(f"{table}.{column} is missing")
            elif got != wanted:
                found.append(f"{table}.{column} has type {got}, shipped is {wanted}")
    return found
