"""What people ask about identity: what was said of these keys, what is doubtful, why does this belong.

Called by the encounter page, the admin page, the REST API and `caretrail journey explain`; never writes. It
reads tokens and sealed values and never opens one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from tracing.identity.events import in_force
from tracing.identity.gather import Gatherer
from tracing.identity.model import BEGINNING, MESSAGE, NEVER, VISIT, Link
from tracing.keys import priority
from tracing.store import Store, load_sql

_PACKAGE = "tracing.identity.sql"


@dataclass(frozen=True, slots=True)
class IdentityEvent:
    """One dated fact; keys are tokens. `withdrawn`: it does not hold any more. `who` is a person, or ''."""

    event_id: str
    at: datetime
    event: str
    level: str
    from_token: str
    to_token: str
    subject_token: str
    withdraws: str
    from_kind: str
    to_kind: str
    subject_kind: str
    message: str
    interface: str
    source: str
    outcome: str
    trace_id: str
    span_id: str
    who: str
    reason: str
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Collision:
    """A key that does not say whose it is. `evidence` are tokens, for blank ones span ids."""

    token: str
    why: str
    kind: str
    authority: str
    sealed: str
    evidence: tuple[str, ...]
    raised_at: datetime
    cleared_at: datetime

    @property
    def open(self) -> bool:
        return self.cleared_at >= NEVER


@dataclass(frozen=True, slots=True)
class Step:
    """One link on the way from a key to its journey, and the first message that made it.

    `event` is '' for two keys in one message, else what joined them (merge, change, …), or `patient` for a
    message that was put beside its patient's only visit of that time. Fields are places in the message.
    """

    token: str
    kind: str
    other: str
    other_kind: str
    at: datetime | None = None
    span_id: str = ""
    trace_id: str = ""
    interface: str = ""
    message: str = ""
    field: str = ""
    other_field: str = ""
    event: str = ""


def history(store: Store, tokens: Sequence[str]) -> list[IdentityEvent]:
    """What was said of some keys, oldest first, each event once."""
    wanted = sorted(set(tokens))
    if not wanted:
        return []
    rows = store.query(load_sql(_PACKAGE, "history.sql"), {"tokens": wanted}).rows
    gather = Gatherer(store)
    gather.events(wanted)
    withdrawn = in_force(gather.said).withdrawn
    return [replace(IdentityEvent(*row), withdrawn=row[0] in withdrawn) for row in rows]


def collisions(store: Store, open_only: bool = True, limit: int = 200) -> list[Collision]:
    """Keys that do not say whose they are, the newest first."""
    after = NEVER.replace(year=2199) if open_only else BEGINNING
    rows = store.query(load_sql(_PACKAGE, "collisions.sql"), {"after": after, "limit": limit}).rows
    return [
        Collision(token, why, kind, authority, sealed, tuple(evidence), raised_at, cleared_at)
        for token, why, kind, authority, sealed, evidence, raised_at, cleared_at in rows
    ]


def chain(store: Store, token: str) -> list[Step]:
    """Why a key (or a message, by its trace) belongs to its journey: each link from it to the journey's root.

    Empty when it is its own journey, or belongs to none.
    """
    placed = store.query(load_sql(_PACKAGE, "places.sql"), {"tokens": [token]}).rows
    if not placed:
        return []
    _, kind, journey, certainty, basis, _, _ = placed[0]
    if journey == token or certainty == "quarantined":
        return []
    if kind == MESSAGE and basis == "patient":
        return _by_patient(store, token, journey)
    gather = Gatherer(store)
    gather.surroundings([token])
    gather.complete(())
    force = in_force(gather.said)
    heads = force.heads()
    near: dict[str, set[Link]] = {}
    firsts: dict[tuple[str, str], datetime] = {}
    for link in gather.links:
        if (link.other, link.token) not in force.void and (link.token, link.other) not in force.void:
            first = min(link.first, firsts.get((link.token, link.other), NEVER))
            firsts[link.token, link.other] = first
            near.setdefault(link.token, set()).add(link)
    path = _path(near, heads, token, journey)
    steps = []
    for link in path:
        pair = frozenset((link.token, link.other))
        event = force.aliases.get(pair)
        link = link._replace(first=firsts[link.token, link.other])
        steps.append(_evidence(store, link) if event is None else _said(store, link, event.event_id))
    end = path[-1].other if path else token
    if end != journey and end in heads:
        between = next((one for one in force.aliases.values() if end in (one.from_token, one.to_token)), None)
        if between is not None:
            link = Link(end, VISIT, heads[end], VISIT)
            steps.append(_said(store, link, between.event_id))
    return steps


def _path(near: dict[str, set[Link]], heads: dict[str, str], start: str, journey: str) -> list[Link]:
    """The shortest way from a key to the journey's root, best kinds first; [] if there is none."""
    came: dict[str, Link] = {}
    frontier = [start]
    seen = {start}
    while frontier:
        following = []
        for token in frontier:
            for link in sorted(near.get(token, ()), key=lambda link: (priority(link.other_kind), link)):
                if link.other in seen:
                    continue
                came[link.other] = link
                seen.add(link.other)
                if heads.get(link.other, link.other) == journey or (
                    link.other_kind == VISIT and len(_visits(near.get(token, ()))) == 1
                ):
                    path = [link]
                    while path[-1].token != start:
                        path.append(came[path[-1].token])
                    return path[::-1]
                if link.other_kind != VISIT:
                    following.append(link.other)
        frontier = following
    return []


def _visits(links: Iterable[Link]) -> set[str]:
    return {link.other for link in links if link.other_kind == VISIT}


def _evidence(store: Store, link: Link) -> Step:
    tokens = {"tokens": [link.token, link.other], "since": link.first}
    rows = (
        store.query(load_sql(_PACKAGE, "evidence.sql"), tokens).rows
        or store.query(load_sql(_PACKAGE, "evidence_anywhere.sql"), tokens).rows
    )
    if not rows:
        return Step(link.token, link.kind, link.other, link.other_kind, link.first, interface=link.interface)
    at, span_id, trace_id, interface, message, operation, fields = rows[0]
    return Step(
        link.token, link.kind, link.other, link.other_kind, at, span_id, trace_id, interface,
        message or operation, field_of(fields, link.kind), field_of(fields, link.other_kind),
    )  # fmt: skip


def _said(store: Store, link: Link, event_id: str) -> Step:
    rows = [one for one in history(store, [link.token, link.other]) if one.event_id == event_id]
    if not rows:
        return Step(link.token, link.kind, link.other, link.other_kind)
    told = rows[0]
    return Step(
        link.token, link.kind, link.other, link.other_kind, told.at, told.span_id, told.trace_id,
        told.interface, told.message, event=told.event,
    )  # fmt: skip


def _by_patient(store: Store, trace: str, journey: str) -> list[Step]:
    """A message, its patient, and the patient's visit."""
    seen: list[tuple[Any, ...]] = store.query(load_sql(_PACKAGE, "seen_with.sql"), {"tokens": [trace]}).rows
    if not seen:
        return []
    patient, _, _, _, first, _, _ = min(seen)
    steps = [Step(trace, MESSAGE, patient, "mrn", first, trace_id=trace, event="patient")]
    rows = store.query(load_sql(_PACKAGE, "seen_of.sql"), {"tokens": [patient]}).rows
    for _, visit, kind, begins, _ in sorted(rows, key=lambda row: (row[1] != journey, row[3])):
        if kind == VISIT:
            return [*steps, _evidence(store, Link(patient, "mrn", visit, VISIT, first=begins))]
    return steps


def field_of(fields: str, kind: str) -> str:
    """Where a kind of key is read, of a scope's `journey.fields` (`visit=PV1-19 order=ORC-2|OBR-2`)."""
    for pair in fields.split(" "):
        name, equals, places = pair.partition("=")
        if equals and name == kind:
            return places.replace("|", " or ")
    return ""
