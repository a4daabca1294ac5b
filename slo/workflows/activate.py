"""Makes workflows active: deadlines by calendar, one view for all of them, checkpoints over all history.

Called at start-up for every configured workflow, and by hand. Activating the same text again changes nothing;
a changed text becomes the next version, which judges what starts from then on. What starts before stays with
the version of its time, unless it is scored anew on purpose.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from slo.workflows import checkpoints
from slo.workflows.compile import BEGINNING, Compiled
from slo.workflows.facts import NEVER
from slo.workflows.load import Definition, define, define_text
from slo.workflows.shifts import AHEAD, FIRST_DAY, pieces
from slo.workflows.sql_text import PACKAGE
from tracing.store import Store, load_sql
from tracing.store.statements import render

_COLUMNS = (
    "workflow, version, step, token, token_kind, patient, at, outcome, ack_code, reason, interface, span_id, "
    "trace_id, facility, tags, measures, items, identity"
)
_DEFINITION = ("name", "version", "yaml", "active", "valid_from", "compiled", "activated_at")
_DISTRIBUTED = re.compile(r"Distributed\('([^']+)'")
#: A version that was followed by another one hears late messages for so long after its longest deadline.
REMEMBERED = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Activated:
    """What an activation came to; `changed` is False when this very text was active already."""

    name: str
    version: int
    changed: bool


@dataclass(frozen=True, slots=True)
class _Known:
    """A stored version."""

    name: str
    version: int
    text: str
    active: bool
    valid_from: datetime
    compiled: str
    activated_at: datetime

    def row(self, **changed: object) -> tuple[object, ...]:
        """Its row, with some columns changed."""
        own = {
            "name": self.name,
            "version": self.version,
            "yaml": self.text,
            "active": int(self.active),
            "valid_from": self.valid_from,
            "compiled": self.compiled,
            "activated_at": self.activated_at,
        }
        return tuple((own | changed)[column] for column in _DEFINITION)


def activate(
    store: Store,
    definition: str | Path | Definition,
    now: datetime,
    valid_from: datetime | None = None,
    supersede: bool = True,
) -> Activated:
    """Activate a workflow given as a path, a YAML text (with a line end in it) or a loaded definition.

    A new version judges what starts at `valid_from` or later (by default at `now`; the first version judges
    everything). Without `supersede`, a text that was followed by another version already is left alone, so
    that a configured file does not undo what somebody activated since. Raises WorkflowError for a wrong
    document, StoreError when the store cannot.
    """
    return activate_all(store, [definition], now, valid_from, supersede)[0]


def activate_all(
    store: Store,
    definitions: Iterable[str | Path | Definition],
    now: datetime,
    valid_from: datetime | None = None,
    supersede: bool = True,
) -> list[Activated]:
    """`activate` for several, with one change of the view."""
    found = [_note(store, _defined(one), now, valid_from, supersede) for one in definitions]
    refresh(store, now)
    return found


def deactivate(store: Store, name: str, now: datetime) -> bool:
    """Stop judging a workflow; its instances stay. False when there is none of that name."""
    active_now = [known for known in _versions(store, name) if known.active]
    store.insert("workflow_definitions", _DEFINITION, [known.row(active=0) for known in active_now])
    if active_now:
        refresh(store, now)
    return bool(active_now)


def refresh(store: Store, now: datetime) -> None:
    """Bring the view, the stored checkpoints and the deadlines in step with the versions in force.

    Safe to repeat, and to be cut off anywhere: what is missing is found the next time.
    """
    versions = in_force(store, now)
    for compiled in versions:
        extend_deadlines(store, compiled, now)
    cluster = _cluster(store)
    wanted = checkpoints.view_name(versions) if versions else ""
    there = [
        row[0]
        for row in store.query(load_sql(PACKAGE, "views.sql"), {"prefix": checkpoints.NAMED_VIEWS}).rows
    ]
    if wanted and wanted not in there:
        store.command(render(checkpoints.view_ddl(versions), cluster))
    # Both write the same rows for a while, which collapse.
    for view in there:
        if view != wanted:
            store.command(render(f"DROP VIEW IF EXISTS ${{view:{view}}}", cluster))
    stored = {(known.name, known.version): known for known in _versions(store)}
    stale = [
        compiled
        for compiled in versions
        if stored[compiled.name, compiled.version].compiled != checkpoints.fingerprint(compiled)
    ]
    if stale:
        _backfill(store, stale)
        rows = [stored[one.name, one.version].row(compiled=checkpoints.fingerprint(one)) for one in stale]
        store.insert("workflow_definitions", _DEFINITION, rows)


def in_force(store: Store, now: datetime) -> list[Compiled]:
    """Every version that judges something: the active ones, and those before them while it matters.

    By name, newest version first. Raises WorkflowError when a stored text is not valid any more.
    """
    found = []
    versions = _versions(store)
    for name in sorted({known.name for known in versions if known.active}):
        until = NEVER
        for known in (known for known in versions if known.name == name):
            if known.valid_from < until:
                definition = define_text(known.text, f"{name} version {known.version}")
                compiled = Compiled(
                    definition.workflow, known.version, definition.calendars, known.valid_from, until
                )
                if known.active or now < until + compiled.longest + REMEMBERED:
                    found.append(compiled)
                until = known.valid_from
    return found


def ranges(store: Store, name: str) -> dict[str, list[int]]:
    """`versions` of a workflow with what each judges: starts from `sinces` to before `untils`, Unix ms."""
    found: dict[str, list[int]] = {"versions": [], "sinces": [], "untils": []}
    until = NEVER
    for known in _versions(store, name):
        found["versions"].append(known.version)
        found["sinces"].append(round(known.valid_from.timestamp() * 1000))
        found["untils"].append(round(until.timestamp() * 1000))
        until = min(until, known.valid_from)
    return found


def active(store: Store) -> list[Compiled]:
    """The newest version of every active workflow, by name. Raises WorkflowError for an invalid text."""
    found: dict[str, Compiled] = {}
    for compiled in in_force(store, NEVER - timedelta(days=1)):
        found.setdefault(compiled.name, compiled)
    return list(found.values())


def extend_deadlines(store: Store, compiled: Compiled, now: datetime) -> None:
    """Store the pieces of deadlines by calendar, up to well after `now`; cheap when they are there."""
    if not compiled.rules:
        return
    rules = {"rules": sorted(compiled.rules)}
    reach: dict[str, datetime] = dict(store.query(load_sql(PACKAGE, "shifts_reach.sql"), rules).rows)
    last = (now + AHEAD).date()
    for rule, (deadline, calendar) in sorted(compiled.rules.items()):
        since = reach.get(rule)
        if since is not None and since > now + AHEAD / 2:
            continue
        first = since.date() - timedelta(days=7) if since is not None else FIRST_DAY
        rows = [
            (rule, piece.since, piece.shift_ms, piece.at or BEGINNING)
            for piece in pieces(calendar, deadline, first, last)
        ]
        # The last row says how far the pieces reach, even when nothing changes there.
        reached = datetime(last.year, last.month, last.day, tzinfo=UTC)
        if rows[-1][1] < reached:
            rows.append((rule, reached, *rows[-1][2:]))
        store.insert("deadline_pieces", ("rule", "since", "shift_ms", "at"), rows)


def _defined(definition: str | Path | Definition) -> Definition:
    if isinstance(definition, Definition):
        return definition
    inline = isinstance(definition, str) and "\n" in definition
    return define_text(str(definition), "workflow") if inline else define(definition)


def _note(
    store: Store, definition: Definition, now: datetime, valid_from: datetime | None, supersede: bool
) -> Activated:
    name = definition.workflow.name
    known = _versions(store, name)
    follows = any(one.active for one in known)
    for one in known:
        if one.text == definition.text and (one.active or (follows and not supersede)):
            if valid_from is None or valid_from >= one.valid_from:
                return Activated(name, one.version, changed=False)
            # The same text, but to judge what started earlier, too.
            store.insert("workflow_definitions", _DEFINITION, [one.row(valid_from=valid_from)])
            return Activated(name, one.version, changed=True)
    version = max((one.version for one in known), default=0) + 1
    new = _Known(
        name=name,
        version=version,
        text=definition.text,
        active=True,
        valid_from=(valid_from or now) if known else (valid_from or BEGINNING),
        compiled="",
        activated_at=now,
    )
    rows = [one.row(active=0) for one in known if one.active]
    store.insert("workflow_definitions", _DEFINITION, [*rows, new.row()])
    return Activated(name, version, changed=True)


def _versions(store: Store, name: str = "") -> list[_Known]:
    """Every stored version, of one workflow or of all, newest first."""
    rows = store.query(load_sql(PACKAGE, "versions.sql"), {"name": name}).rows
    return [
        _Known(its, version, text, bool(is_active), valid_from, compiled, at)
        for its, version, text, is_active, valid_from, compiled, at in rows
    ]


def _backfill(store: Store, versions: list[Compiled]) -> None:
    # A day at a time: one INSERT over months of spans would hold their blocks in memory.
    for (day,) in store.query(load_sql(PACKAGE, "days.sql")).rows:
        spans = f"(SELECT * FROM spans WHERE toDate(start) = '{day.isoformat()}')"
        store.command(f"INSERT INTO checkpoints ({_COLUMNS}) {checkpoints.select(versions, spans)}")


def _cluster(store: Store) -> str | None:
    if not store.capabilities.replicated:
        return None
    for (engine,) in store.query(load_sql(PACKAGE, "cluster.sql")).rows:
        if found := _DISTRIBUTED.search(engine):
            return found[1]
    return None
