"""Makes a workflow active: its view, its business days, its checkpoints over all history.

Called at start-up for every configured workflow, and by hand. Activating the same text again changes nothing;
a changed text becomes the next version and takes the place of the one before.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from slo.workflows.compile import Compiled, view_prefix
from slo.workflows.load import Definition, define, define_text
from slo.workflows.shifts import AHEAD, FIRST_DAY, fingerprint, pieces
from tracing.store import Store, load_sql
from tracing.store.statements import render

_PACKAGE = "slo.workflows.sql"
_COLUMNS = (
    "workflow, version, step, token, token_kind, patient, at, outcome, ack_code, reason, interface, span_id, "
    "trace_id, facility, tags, measures"
)
_DISTRIBUTED = re.compile(r"Distributed\('([^']+)'")


@dataclass(frozen=True, slots=True)
class Activated:
    """What an activation came to; `changed` is False when this very text was active already."""

    name: str
    version: int
    changed: bool


def activate(store: Store, definition: str | Path | Definition, now: datetime) -> Activated:
    """Activate a workflow given as a path, a YAML text (with a line end in it) or a loaded definition.

    Raises WorkflowError for a wrong document, StoreError when the store cannot.
    """
    if not isinstance(definition, Definition):
        inline = isinstance(definition, str) and "\n" in definition
        definition = define_text(str(definition), "workflow") if inline else define(definition)
    name = definition.workflow.name
    known = store.query(load_sql(_PACKAGE, "versions.sql"), {"name": name}).rows
    for version, text, active in known:
        if active and text == definition.text:
            extend_business_days(store, Compiled(definition.workflow, version, definition.calendar), now)
            return Activated(name, version, changed=False)
    version = max((row[0] for row in known), default=0) + 1
    compiled = Compiled(definition.workflow, version, definition.calendar)
    extend_business_days(store, compiled, now)
    _replace_view(store, compiled)
    _backfill(store, compiled)
    columns = ("name", "version", "yaml", "active", "activated_at")
    rows = [(name, old, text, 0, now) for old, text, active in known if active]
    store.insert("workflow_definitions", columns, [*rows, (name, version, definition.text, 1, now)])
    return Activated(name, version, changed=True)


def active(store: Store) -> list[Compiled]:
    """Every active workflow, by name. Raises WorkflowError when a stored text is not valid any more."""
    rows = store.query(load_sql(_PACKAGE, "active.sql")).rows
    compiled = []
    for name, version, text in rows:
        definition = define_text(text, f"{name} version {version}")
        compiled.append(Compiled(definition.workflow, version, definition.calendar))
    return compiled


def extend_business_days(store: Store, compiled: Compiled, now: datetime) -> None:
    """Store what deadlines in business days need, up to well after `now`; cheap when it is there."""
    calendar = compiled.calendar
    counts = {step.within.business_days for step in compiled.workflow.spec.steps if step.within.business_days}
    if calendar is None or not counts:
        return
    name = fingerprint(calendar)
    reach: dict[int, datetime] = dict(
        store.query(load_sql(_PACKAGE, "shifts_reach.sql"), {"calendar": name}).rows
    )
    last = (now + AHEAD).date()
    for count in sorted(counts):
        since = reach.get(count)
        if since is not None and since > now + AHEAD / 2:
            continue
        first = since.date() - timedelta(days=7) if since is not None else FIRST_DAY
        rows = [(name, count, at, shift) for at, shift in pieces(calendar, count, first, last)]
        # The last row says how far the pieces reach, even when nothing changes there.
        reached = datetime(last.year, last.month, last.day, tzinfo=UTC)
        if rows[-1][2] < reached:
            rows.append((name, count, reached, rows[-1][3]))
        store.insert("business_day_shifts", ("calendar", "days", "since", "shift_ms"), rows)


def _replace_view(store: Store, compiled: Compiled) -> None:
    # The old view goes first: were both alive, a span's older checkpoint could win over the newer version's.
    # What arrives between is found by the backfill.
    cluster = _cluster(store)
    prefix = view_prefix(compiled.name)
    for (view,) in store.query(load_sql(_PACKAGE, "views.sql"), {"prefix": prefix}).rows:
        if view[len(prefix) :].isdigit():
            store.command(render(f"DROP VIEW IF EXISTS ${{view:{view}}}", cluster))
    store.command(render(compiled.view_ddl(), cluster))


def _backfill(store: Store, compiled: Compiled) -> None:
    # A day at a time: one INSERT over months of spans would hold their blocks in memory.
    for (day,) in store.query(load_sql(_PACKAGE, "days.sql")).rows:
        spans = f"(SELECT * FROM spans WHERE toDate(start) = '{day.isoformat()}')"
        store.command(f"INSERT INTO checkpoints ({_COLUMNS}) {compiled.checkpoints_select(spans)}")


def _cluster(store: Store) -> str | None:
    if not store.capabilities.replicated:
        return None
    for (engine,) in store.query(load_sql(_PACKAGE, "cluster.sql")).rows:
        if found := _DISTRIBUTED.search(engine):
            return found[1]
    return None
