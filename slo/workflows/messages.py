"""Which messages a journey has: its keys, the days they were seen on, and what each message hangs on.

Shared by the encounter page (slo.workflows.encounter) and by search. Reads tokens only; must never look
through spans without knowing the day and the trace.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from operator import itemgetter
from typing import Any, NamedTuple

from slo.workflows.judgement import PACKAGE, tuples
from tracing.identity.model import Era, Place
from tracing.store import Store, load_sql

OWN = "own"
BATCH = "batch"
CERTAIN, PROBABLE, QUARANTINED = "certain", "probable", "quarantined"
_DERIVED = "attributes['journey.trace_id']"
_PATIENT = "key_tokens[indexOf(key_kinds, 'mrn')]"
_MOST_GROUPS = 12
_SPAN = 5  # columns that say which span it is
_WORST_LAST = (CERTAIN, PROBABLE, QUARANTINED)


class Message(NamedTuple):
    """One span of a journey. `token`: the key, or the trace, by which it belongs; `rest`: asked columns."""

    trace_id: str
    span_id: str
    at: datetime
    token: str
    certainty: str
    basis: str
    rest: tuple[Any, ...]


def places_of(store: Store, tokens: Iterable[str]) -> dict[str, Place]:
    """Where keys belong; a key that no link ever placed is not in the answer."""
    wanted = sorted(set(tokens))
    if not wanted:
        return {}
    rows = tuples(store, "places_of.sql", {"tokens": wanted})
    newest = {row[0]: row[2:] for row in sorted(rows, key=itemgetter(1))}
    return {
        token: Place(kind, journey, certainty, basis or "key", tuple(Era(*era) for era in eras))
        for token, (kind, journey, certainty, basis, eras) in newest.items()
    }


def members_of(store: Store, journeys: Iterable[str]) -> dict[str, dict[str, Place]]:
    """For each journey its keys, and the traces that belong to it by patient and time."""
    found: dict[str, dict[str, Place]] = {journey: {} for journey in journeys}
    if not found:
        return {}
    rows = store.query(load_sql(PACKAGE, "members.sql"), {"journeys": sorted(found)}).rows
    for token, place in places_of(store, (row[0] for row in rows)).items():
        for journey in place.journeys:
            if journey in found:
                found[journey][token] = place
    return found


def messages_of(
    store: Store, members: Mapping[str, Mapping[str, Place]], columns: str = ""
) -> dict[str, list[Message]]:
    """The messages of journeys, oldest first, each once; `members` as `members_of` gives them.

    columns: further columns of spans, as SQL, that come in `rest`; every one costs a day a millisecond.
    A key that served several patients gives a journey only the messages of its patient, else of its time.
    """
    tokens = {token for journey, keys in members.items() for token in (journey, *keys)}
    leads: dict[str, set[str]] = {journey: {journey} for journey in members}
    for journey, keys in members.items():
        for token in keys:
            leads.setdefault(token, set()).add(journey)
    found: dict[str, list[Message]] = {journey: [] for journey in members}
    split = any(place.eras for keys in members.values() for place in keys.values())
    for row in _rows(store, sorted(tokens), columns, by_patient=split):
        trace_id, derived, patient, at, span_id, *rest = row
        hung: dict[str, Message] = {}
        for token in dict.fromkeys((derived or trace_id, trace_id)):
            for journey in leads.get(token, ()):
                place = members[journey].get(token, Place("", journey, CERTAIN, OWN))
                if place.journey_at(patient, at) != journey:
                    continue
                message = Message(trace_id, span_id, at, token, place.certainty, place.basis, tuple(rest))
                known = hung.get(journey)
                if known is None or _rank(message.certainty) < _rank(known.certainty):
                    hung[journey] = message
        for journey, message in hung.items():
            found[journey].append(message)
    return found


class Shape(NamedTuple):
    """The messages of a journey from afar: traces, the earliest first; how many; when the first was."""

    trace_ids: list[str]
    hops: int
    began: datetime


def shapes_of(store: Store, members: Mapping[str, Mapping[str, Place]]) -> dict[str, Shape]:
    """What `messages_of` would give, without reading messages where that can be told; without those of none.

    Messages are read for journeys of keys that served several, and where a message carries another trace.
    """
    tokens = sorted({token for journey, keys in members.items() for token in (journey, *keys)})
    if not tokens:
        return {}
    by_number = {_number(token): token for token in tokens}
    asked = {"traces": tokens, "numbers": sorted(by_number)}
    first: dict[str, datetime] = {}
    spans: dict[str, set[int]] = {}
    elsewhere = set()
    for number, derived, at, its in tuples(store, "outlines_of.sql", asked):
        if derived:
            elsewhere.add(derived)
        else:
            trace = by_number[number]
            first[trace] = min(at, first.get(trace, at))
            spans.setdefault(trace, set()).update(its)
    found: dict[str, Shape] = {}
    for journey, keys in members.items():
        mine = {journey, *keys}
        if elsewhere & mine or any(place.eras for place in keys.values()):
            continue
        traces = sorted(mine & first.keys(), key=lambda trace: (first[trace], trace))
        if traces:
            hops = len(set().union(*(spans[trace] for trace in traces)))
            found[journey] = Shape(traces, hops, first[traces[0]])
    read = {
        journey: keys
        for journey, keys in members.items()
        if journey not in found and ({journey, *keys} & (elsewhere | first.keys()))
    }
    for journey, messages in messages_of(store, read).items():
        if messages:
            traces = list(dict.fromkeys(one.trace_id for one in messages))
            found[journey] = Shape(traces, len(messages), messages[0].at)
    return found


def about_batches(store: Store, batches: Iterable[str], columns: str) -> list[Message]:
    """Messages about the batches that a journey's came in, as far as a workflow hears of them."""
    asked = {"batches": sorted(set(batches))}
    if not asked["batches"]:
        return []
    found = store.query(load_sql(PACKAGE, "about_batches.sql"), asked).rows
    whose = {(trace_id, span_id): batch for trace_id, span_id, batch in found}
    return [
        Message(trace_id, span_id, at, whose[trace_id, span_id], CERTAIN, BATCH, tuple(rest))
        for trace_id, _, _, at, span_id, *rest in _rows(
            store, sorted({trace for trace, _ in whose}), columns, by_patient=False
        )
        if (trace_id, span_id) in whose
    ]


def worst(certainties: Iterable[str]) -> str:
    """The least certain of several; certain when there is none."""
    return max(certainties, key=_rank, default=CERTAIN)


def _rank(certainty: str) -> int:
    return _WORST_LAST.index(certainty) if certainty in _WORST_LAST else len(_WORST_LAST)


def days_of(store: Store, traces: Iterable[str]) -> dict[str, set[date]]:
    """The days with messages of these traces, and of the traces that their messages carry instead."""
    asked = set(traces)
    days, further = _days_of(store, asked)
    if further := further - asked:
        days |= _days_of(store, further)[0]
    return days


def _days_of(store: Store, traces: set[str]) -> tuple[dict[str, set[date]], set[str]]:
    numbers = {trace: _number(trace) for trace in traces}
    asked = {"traces": sorted(traces), "numbers": sorted(set(numbers.values()))}
    days: dict[int, set[date]] = {}
    further = set()
    for number, trace, day in tuples(store, "days_of.sql", asked):
        if trace:
            further.add(trace)
        else:
            days.setdefault(number, set()).add(day)
    return {trace: days[number] for trace, number in numbers.items() if number in days}, further


def _together(days: Mapping[str, set[date]]) -> list[tuple[set[str], set[date]]]:
    """Traces and days in groups that have none of either in common; many small groups are read as one."""
    groups: list[tuple[set[str], set[date]]] = []
    for trace, its in days.items():
        met = [group for group in groups if group[1] & its]
        groups = [group for group in groups if group not in met]
        groups.append(({trace}.union(*(one for one, _ in met)), its.union(*(one for _, one in met))))
    if len(groups) <= _MOST_GROUPS:
        return groups
    rest = groups[_MOST_GROUPS - 1 :]
    traces = {trace for group, _ in rest for trace in group}
    return [*groups[: _MOST_GROUPS - 1], (traces, {day for trace in traces for day in days[trace]})]


def _number(trace: str) -> int:
    """The first half of a trace ID as trace_outlines has it."""
    try:
        return int.from_bytes(bytes.fromhex(trace[:16]), "little")
    except ValueError:  # the name of a journey that is no key's token: no message has it as its trace
        return 0


def _rows(store: Store, tokens: Sequence[str], columns: str, *, by_patient: bool) -> list[tuple[Any, ...]]:
    days = days_of(store, tokens) if tokens else {}
    if not days:
        return []
    further = f", ingested_at, interface, {columns}" if columns else ""
    sql = load_sql(PACKAGE, "hops.sql").replace("{{columns}}", further)
    sql = sql.replace("{{derived}}", _DERIVED if days.keys() - set(tokens) else "''")
    sql = sql.replace("{{patient}}", _PATIENT if by_patient else "''")
    parameters: dict[str, Any] = {}
    reads = []
    for n, (traces, its) in enumerate(_together(days)):
        reads.append(sql.replace("{{n}}", str(n)))
        parameters |= {f"traces_{n}": sorted(traces), f"days_{n}": sorted(its)}
    rows = [row for (row,) in store.query(" UNION ALL ".join(reads), parameters).rows]
    wanted = set(tokens)
    return _newest([row for row in rows if row[0] in wanted or row[1] in wanted])


def _newest(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Each span once, as it was last sent where that was asked for, in order of time."""
    found: dict[tuple[str, ...], tuple[Any, ...]] = {}
    if rows and len(rows[0]) > _SPAN:
        rows.sort(key=itemgetter(_SPAN))
    for row in rows:
        _, interface, *rest = row[_SPAN:] or ("", "")
        found[row[_SPAN - 1], interface] = (*row[:_SPAN], *rest)
    return sorted(found.values(), key=itemgetter(3, 4))
