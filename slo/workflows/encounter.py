"""One journey: which one a key leads to, what happened in it, and a sentence that says so.

Reached through slo.workflows.read. It reads tokens and sealed values and never opens one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from slo.workflows.beside import Beside, in_turn
from slo.workflows.judgement import PACKAGE, Judge, facts_of_journeys
from slo.workflows.late_truth import changes_of
from slo.workflows.messages import (
    Message,
    about_batches,
    members_of,
    messages_of,
    places_of,
    shapes_of,
    worst,
)
from slo.workflows.rows import INSTANCE_STATES, Found, Hop, InstanceRow, Journey, Outline, SealedKey, StepRow
from slo.workflows.search import TRACE_ID, Match, search
from tracing.identity.model import MESSAGE, NEVER, Place
from tracing.store import Store, load_sql

_HOP = {
    "end": "addNanoseconds(start, duration_ns)",
    "duration_ms": "duration_ns / 1e6",
    **{
        name: name
        for name in (
            *("interface", "source", "destination", "system", "message", "operation", "outcome"),
            *("ack_code", "reason", "control_id", "bytes", "ack_bytes", "tags", "measures"),
        )
    },
}
_COLUMNS = ", ".join([*_HOP.values(), "key_tokens"])
_TAGS = list(_HOP).index("tags")

_OCCASIONS = {
    "ADT^A01": "admission",
    "ADT^A03": "discharge",
    "ADT^A04": "registration",
    "DFT^P03": "charge",
    "837": "claim",
    "POST /journals": "journal",
}


def journey(store: Store, journey: str, now: datetime, beside: Beside | None = None) -> Journey | None:
    """Everything known of a journey, judged at `now`; any of its keys' tokens will do. None: nothing is."""
    place = places_of(store, [journey]).get(journey)
    root = place.journey if place and journey not in place.journeys else journey
    judged = (beside or in_turn(store))(lambda other: _workflows(other, [root], now))
    members = members_of(store, [root])
    messages = messages_of(store, members, _COLUMNS)[root]
    if not messages:
        return None
    tokens = sorted({root, *members[root]}.union(*(one.rest[-1] for one in messages)))
    batches = {one.rest[_TAGS]["batch"] for one in messages if "batch" in one.rest[_TAGS]}
    messages = sorted([*messages, *about_batches(store, batches, _COLUMNS)], key=lambda one: one.at)
    keys = [SealedKey(*row) for row in store.query(load_sql(PACKAGE, "keys_of.sql"), {"tokens": tokens}).rows]
    return Journey(
        journey=root,
        kind=_kind(root, keys, members[root]),
        certainty=_certainty(members[root]),
        trace_ids=list(dict.fromkeys(one.trace_id for one in messages)),
        keys=keys,
        hops=[_hop(one) for one in messages],
        workflows=judged().get(root, []),
        changes=changes_of(store, tokens),
    )


def outlines(
    store: Store, roots: Sequence[str], now: datetime, beside: Beside | None = None
) -> list[Outline]:
    """What became of several journeys, named by their ids, in that order, without those without a message."""
    judged = (beside or in_turn(store))(lambda other: _workflows(other, roots, now))
    members = members_of(store, roots)
    shapes = shapes_of(store, members)
    instances = judged()
    return [
        Outline(
            journey=root,
            certainty=_certainty(members[root]),
            trace_ids=shapes[root].trace_ids,
            hops=shapes[root].hops,
            began=shapes[root].began,
            workflows=instances.get(root, []),
        )
        for root in dict.fromkeys(roots)
        if root in shapes
    ]


def _certainty(members: Mapping[str, Place]) -> str:
    return worst(place.certainty for place in members.values() if place.kind != MESSAGE)


def _workflows(store: Store, roots: Sequence[str], now: datetime) -> dict[str, list[InstanceRow]]:
    """The instances of journeys as they are at `now`, the worst first."""
    judge = Judge.of(store)
    found: dict[str, list[InstanceRow]] = {}
    for row in judge.rows(store, facts_of_journeys(store, judge.workflows, roots), now):
        if row.started_at <= now:
            found.setdefault(row.journey, []).append(row)
    for rows in found.values():
        rows.sort(key=lambda row: (INSTANCE_STATES.index(row.state), row.workflow, -row.occurrence))
    return found


def find(store: Store, tokens: Sequence[str]) -> list[Found]:
    """Journeys that tokens lead to; a key for search only (a medical record number) may lead to several."""
    found = search(store, tokens, NEVER, traces=tokens)
    return sorted({Found(one.journey, one.certainty, one.asked, _named(one)) for one in found if one.journey})


def _named(match: Match) -> str:
    return "" if match.kind == TRACE_ID else match.kind


def _hop(message: Message) -> Hop:
    return Hop(
        at=message.at,
        trace_id=message.trace_id,
        span_id=message.span_id,
        certainty=message.certainty,
        basis=message.basis,
        token=message.token,
        **dict(zip(_HOP, message.rest[:-1], strict=True)),
    )


def _kind(root: str, keys: Sequence[SealedKey], members: Mapping[str, Place]) -> str:
    """The kind of the key a journey is named by; one of several that a number named is not named by a key."""
    named = next((key.kind for key in keys if key.token == root), "")
    return named or next((place.kind for place in members.values() if root in place.journeys), "")


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
