"""Judges history with a draft of a workflow, in tables of its own that are dropped at the end.

Called by the backtest, and by discovery, which wants to know how many journeys follow its proposal. No live
table of checkpoints or instances is written. (Deadlines by calendar are computed once and kept, as those of
any version are.)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

from slo.workflows import checkpoints
from slo.workflows.activate import extend_deadlines
from slo.workflows.backtest.scratch import scratch
from slo.workflows.compile import Compiled, state_expression
from slo.workflows.load import Definition
from slo.workflows.sql_text import without_comments
from tracing.store import Store, load_sql

PACKAGE = "slo.workflows.backtest.sql"
#: What started before the time that is looked at may still speak in it.
BEFORE = timedelta(days=7)
#: No version has this number: versions count from 1.
DRAFT = 0
STOOD, BECOMES = 0, 1
_COLUMNS = (
    "workflow, version, step, token, token_kind, patient, at, outcome, ack_code, reason, interface, span_id, "
    "trace_id, facility, tags, measures, items, identity"
)
_PAGE = 50_000
_SPANS_AT_ONCE = 500_000


@contextmanager
def judged(
    store: Store, draft: Definition, since: datetime, now: datetime, *, live: bool, one_in: int = 1
) -> Iterator[str]:
    """The name of a table of verdicts (sql/verdicts_table.sql) on what started from `since` to `now`.

    live: with what stands beside what the draft says. one_in: of so many journeys one is judged. Raises
    StoreError.
    """
    compiled = Compiled(draft.workflow, DRAFT, draft.calendars, since)
    asked = {"workflow": compiled.name, "since": since, "now": now}
    extend_deadlines(store, compiled, now)
    own = "AS checkpoints ENGINE = ReplacingMergeTree(ingested_at) ORDER BY (token, step, span_id)"
    with (
        scratch(store, load_sql(PACKAGE, "verdicts_table.sql"), now) as verdicts,
        scratch(store, f"{own} SETTINGS index_granularity = 256", now) as seen,
        scratch(store, "(journey String) ENGINE = MergeTree ORDER BY journey", now) as journeys,
    ):
        for first, last in days(store, (since - BEFORE).date(), now.date()):
            spans = f"(SELECT * FROM spans WHERE toDate(start) >= '{first}' AND toDate(start) <= '{last}')"
            store.command(f"INSERT INTO {seen} ({_COLUMNS}) {checkpoints.select([compiled], spans)}")
        insert = load_sql(PACKAGE, "insert_journeys.sql").replace("{{checkpoints}}", seen)
        heard = {"hears_probable": int(draft.workflow.hears_probable), "one_in": one_in}
        store.command(insert.replace("{{table}}", journeys), {**asked, **heard})
        page = without_comments(load_sql(PACKAGE, "page.sql")).replace("{{journeys}}", journeys)
        # By a query: a list of thousands of journeys in a statement costs more than judging them.
        of_draft = inserting("insert_draft.sql", verdicts, facts=compiled.facts(page, seen))
        stood = inserting("insert_live.sql", verdicts, page=page)
        for bounds in _pages(store, journeys):
            store.command(of_draft, {**asked, **bounds, "side": BECOMES})
            if live:
                store.command(stood, {**asked, **bounds, "side": STOOD})
        yield verdicts


def days(store: Store, first: date, last: date) -> Iterator[tuple[date, date]]:
    """The days that have spans, in stretches of as many as one INSERT should read. Raises StoreError."""
    rows = store.query(load_sql(PACKAGE, "spans_of_days.sql"), {"first": first, "last": last}).rows
    begin, held = None, 0
    for place, (day, spans) in enumerate(rows):
        begin = begin or day
        held += spans
        following = rows[place + 1][1] if place + 1 < len(rows) else None
        if following is None or held + following > _SPANS_AT_ONCE:
            yield begin, day
            begin, held = None, 0


def inserting(name: str, table: str, **parts: str) -> str:
    """An INSERT into a table of verdicts, with its parts put in."""
    verdict = without_comments(load_sql(PACKAGE, "verdict.sql")).replace("{{state}}", state_expression())
    text = load_sql(PACKAGE, name).replace("{{table}}", table).replace("{{verdict}}", verdict.strip())
    for mark, part in parts.items():
        text = text.replace(f"{{{{{mark}}}}}", part)
    return text


def _pages(store: Store, journeys: str) -> Iterator[dict[str, Any]]:
    after, sql = "", load_sql(PACKAGE, "page_end.sql").replace("{{journeys}}", journeys)
    while True:
        ((last,),) = store.query(sql, {"after": after, "page": _PAGE}).rows
        if not last:
            return
        yield {"after": after, "last": last}
        after = last
