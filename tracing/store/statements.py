"""SQL as files: find them, cut them into statements, render the parts that differ between engines.

Called by the migrations and by every reader that keeps its query in a `.sql` file. Must never put a value
into SQL: values travel as `{name:Type}` parameters.

A migration is written once. `${…}` marks what a single engine and a cluster spell differently:

    ${table:spans}                  spans          | spans_local ON CLUSTER 'c'   (CREATE, ALTER)
    ${local:spans}                  spans          | spans_local                  (FROM of a view)
    ${view:spans_mv}                spans_mv       | spans_mv ON CLUSTER 'c'      (views, Null tables)
    ${engine:ReplacingMergeTree(v)} as it stands   | ReplicatedReplacingMergeTree('/…', '{replica}', v)
    ${dedup}                        the settings every table has: the deduplication window of either kind, and
                                    one file per inserted part (a file per column cost a third of an insert)
    ${distributed:spans:cityHash64(trace_id)}  nothing | CREATE TABLE spans … ENGINE = Distributed(…)
    ${redistributed:spans:…}        nothing        | the same anew, after the local table got new columns
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from tracing.store.errors import StoreRefused

DEDUPLICATION_WINDOW = 10_000
_MARK = re.compile(r"\$\{([a-z_]+)(?::([^}]*(?:\{[^}]*\}[^}]*)*))?\}")
_TOKEN = re.compile(
    r"--[^\n]*|/\*.*?\*/|'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\"|`(?:[^`\\]|\\.)*`|;", re.DOTALL
)
_ENGINE = re.compile(r"(\w+)\((.*)\)\Z", re.DOTALL)


@cache
def load_sql(package: str, name: str) -> str:
    """The text of `name` (a `.sql` file) that lies in the Python package `package`, read once."""
    return files(package).joinpath(name).read_text(encoding="utf-8")


def split_statements(text: str) -> Iterator[str]:
    """Cut SQL at the semicolons that are not inside a string, a quoted name or a comment.

    Comments stay with the statement they precede. Statements of comments only are dropped.
    """
    start = 0
    bare: list[str] = []
    position = 0
    for token in _TOKEN.finditer(text):
        bare.append(text[position : token.start()])
        position = token.end()
        if token[0] == ";":
            if "".join(bare).strip():
                yield text[start : token.start()].strip()
            start, bare = token.end(), []
        elif not token[0].startswith(("--", "/*")):
            bare.append(token[0])
    bare.append(text[position:])
    if "".join(bare).strip():
        yield text[start:].strip()


def render(text: str, cluster: str | None) -> str:
    """Replace the `${…}` marks for one engine (`cluster` None) or for the named cluster."""

    def one(match: re.Match[str]) -> str:
        return _render_mark(match[1], match[2] or "", cluster)

    return _MARK.sub(one, text)


def _render_mark(mark: str, argument: str, cluster: str | None) -> str:
    everywhere = f" ON CLUSTER '{cluster}'" if cluster else ""
    local = f"{argument}_local" if cluster else argument
    match mark:
        case "table":
            return local + everywhere
        case "local":
            return local
        case "view":
            return argument + everywhere
        case "dedup":
            kind = "replicated" if cluster else "non_replicated"
            return f"{kind}_deduplication_window = {DEDUPLICATION_WINDOW}, min_level_for_wide_part = 1"
        case "engine":
            return _engine(argument) if cluster else argument
        case "distributed" | "redistributed":
            if not cluster:
                return ""
            table, _, key = argument.partition(":")
            create = "CREATE TABLE IF NOT EXISTS" if mark == "distributed" else "CREATE OR REPLACE TABLE"
            return (
                f"{create} {table}{everywhere} AS {table}_local\n"
                f"ENGINE = Distributed('{cluster}', currentDatabase(), {table}_local, {key})"
            )
    raise StoreRefused(
        f"A SQL file uses ${{{mark}}}, which is not one of table, local, view, engine, dedup, "
        "distributed, redistributed"
    )


def _engine(argument: str) -> str:
    parts = _ENGINE.match(argument)
    if parts is None:
        raise StoreRefused(f"A table engine needs its brackets: ${{engine:{argument}}}")
    where = "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'"
    return f"Replicated{parts[1]}({where}{', ' + parts[2] if parts[2] else ''})"
