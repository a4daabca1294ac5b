"""One journey: which one a key leads to, what happened in it, and a sentence that says so.

Reached through slo.workflows.read. It reads tokens and sealed values and never opens one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from slo.workflows.judgement import PACKAGE, Judge, facts_of_journey
from slo.workflows.rows import INSTANCE_STATES, Found, Hop, InstanceRow, Journey, SealedKey, StepRow
from tracing.keys import SEARCH_ONLY
from tracing.store import Store, load_sql

_OCCASIONS = {
    "ADT^A01": "admission",
    "ADT^A03": "discharge",
    "ADT^A04": "registration",
    "DFT^P03": "charge",
    "837": "claim",
    "POST /journals": "journal",
}


def journey(store: Store, journey: str, now: datetime) -> Journey | None:
    """Everything known of a journey, judged at `now`; any of its keys' tokens will do. None: nothing is."""
    placed = store.query(load_sql(PACKAGE, "root_of.sql"), {"token": journey}).rows
    root = placed[0][0] if placed else journey
    members = {
        token: (kind, certainty)
        for token, kind, certainty in store.query(load_sql(PACKAGE, "members.sql"), {"journey": root}).rows
    }
    rows = store.query(load_sql(PACKAGE, "hops.sql"), {"tokens": sorted({root, *members})}).rows
    if not rows:
        return None
    hops = [Hop(*row[:-1]) for row in rows]
    tokens = sorted({root, *members}.union(*(row[-1] for row in rows)))
    keys = [SealedKey(*row) for row in store.query(load_sql(PACKAGE, "keys_of.sql"), {"tokens": tokens}).rows]
    judge = Judge.of(store)
    instances = [judge.row(facts, now) for facts in facts_of_journey(store, judge.workflows, root)]
    probable = any(certainty == "probable" for _, certainty in members.values())
    return Journey(
        journey=root,
        kind=next((key.kind for key in keys if key.token == root), ""),
        certainty="probable" if probable else "certain",
        trace_ids=list(dict.fromkeys(hop.trace_id for hop in hops)),
        keys=keys,
        hops=hops,
        workflows=sorted(
            (row for row in instances if row.started_at <= now),
            key=lambda row: (INSTANCE_STATES.index(row.state), row.workflow, -row.occurrence),
        ),
    )


def find(store: Store, tokens: Sequence[str]) -> list[Found]:
    """Journeys that tokens lead to; a key for search only (a medical record number) may lead to several."""
    wanted = sorted(set(tokens))
    if not wanted:
        return []
    kinds = {row[2]: row[0] for row in store.query(load_sql(PACKAGE, "keys_of.sql"), {"tokens": wanted}).rows}
    leads = [(token, token) for token in wanted if kinds.get(token) not in SEARCH_ONLY]
    if search_only := [token for token in wanted if kinds.get(token) in SEARCH_ONLY]:
        rows = store.query(load_sql(PACKAGE, "carriers.sql"), {"tokens": search_only}).rows
        leads += [(token, trace) for token, trace in rows]
    ends = sorted({end for _, end in leads})
    places = {
        token: (root, certainty)
        for token, root, certainty in store.query(load_sql(PACKAGE, "places_of.sql"), {"tokens": ends}).rows
    }
    traced = {row[0] for row in store.query(load_sql(PACKAGE, "traced.sql"), {"tokens": ends}).rows}
    found = set()
    for token, end in leads:
        if end in places:
            found.add(Found(*places[end], token, kinds.get(token, "")))
        elif end in traced or token in kinds:
            found.add(Found(end, "certain", token, kinds.get(token, "")))
    return sorted(found)


def authorities(store: Store) -> list[tuple[str, str]]:
    """Every (kind, authority) seen, so that a bare value can be turned into the tokens it may have."""
    return [(row[0], row[1]) for row in store.query(load_sql(PACKAGE, "authorities.sql")).rows]


def summary_sentence(journey: Journey, now: datetime, zone: str = "UTC") -> str:
    """What became of the worst workflow of a journey, in one sentence; clock times in `zone`."""
    if not journey.workflows:
        hop = journey.hops[-1]
        what = hop.message or hop.operation or "message"
        return f"No workflow watches this journey; its last message was {what} to {hop.destination}."
    row = journey.workflows[0]
    start = _occasion(journey, row)
    clock = ZoneInfo(zone)
    if row.state == "cancelled" and row.cancelled_at is not None:
        return f"The {start} was cancelled at {_clock(row.cancelled_at, now, clock)}."
    met = [step for step in row.steps if step.state in ("met", "met_late") and step.at is not None]
    parts = []
    if met:
        last = max(met, key=lambda step: step.at or now)
        late = ", too late" if last.state == "met_late" else ""
        since = _span((last.at or now) - row.started_at)
        place = f"Reached {_name(last)}" if last.system else f"Step {last.name!r} was done"
        parts.append(f"{place} {since} after {start}{late}")
    else:
        parts.append(f"The {start} was sent at {_clock(row.started_at, now, clock)}")
    if row.state in ("completed", "completed_late"):
        return f"{parts[0]}; nothing is missing."
    missing = [step for step in row.steps if step.state in ("failed", "overdue", "at_risk", "pending")]
    worst = next((step for step in missing if step.name == row.step), missing[0])
    parts.append(_missing(journey, worst, now, clock))
    return "; ".join(parts) + "."


def _missing(journey: Journey, step: StepRow, now: datetime, clock: ZoneInfo) -> str:
    if step.state == "failed" and step.at is not None:
        why = ", ".join(word for word in (step.ack_code, step.reason) if word)
        who, what = _name(step) or "the receiver", _refused(journey, step)
        at = _clock(step.at, now, clock)
        return f"{who} refused {what} at {at}{f' ({why})' if why else ''} and nothing came after"
    due = _clock(step.deadline, now, clock) if step.deadline else ""
    if step.state == "overdue" and step.deadline is not None:
        return f"{step.name!r} was due at {due}, {_span(now - step.deadline)} ago, and was not seen"
    doubt = ", and most that took this long came late" if step.state == "at_risk" else ""
    return f"{step.name!r} is due at {due}{doubt}"


def _occasion(journey: Journey, row: InstanceRow) -> str:
    for hop in journey.hops:
        if abs(hop.at - row.started_at) < timedelta(milliseconds=1):
            return _called(hop) or "start"
    return "start"


def _refused(journey: Journey, step: StepRow) -> str:
    for hop in journey.hops:
        if (
            step.at is not None
            and abs(hop.end - step.at) < timedelta(milliseconds=1)
            and hop.outcome == step.outcome
        ):
            return f"the {_called(hop)}" if _called(hop) else "it"
    return "it"


def _called(hop: Hop) -> str:
    what = hop.message or hop.operation
    return _OCCASIONS.get(what, what)


def _name(step: StepRow) -> str:
    known = {
        "erp": "the ERP",
        "ehr": "the EHR",
        "engine": "the engine",
        "clearinghouse": "the clearing house",
    }
    return known.get(step.system, step.system)


def _clock(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    same_day = local.date() == now.astimezone(zone).date()
    return local.strftime("%H:%M" if same_day else "%Y-%m-%d %H:%M")


def _span(duration: timedelta) -> str:
    seconds = max(0, round(duration.total_seconds()))
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size  # as the pages do: 29 and a half days are not 30
            return f"{count} {unit}{'s' if count != 1 else ''}"
    return f"{seconds} second{'s' if seconds != 1 else ''}"
