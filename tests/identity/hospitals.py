"""Random small hospitals for the tests of identity: messages, what systems said, and plain models of both.

Everything is drawn from a seed. Keys are `hospital:kind:number`, so that many hospitals share a store.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

from tracing.identity import Event, Facts, Link, Sighting
from tracing.keys import KINDS, SEARCH_ONLY
from tracing.store import Store

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
LISTED = ("visit", "account", "claim", "case")


@dataclass(frozen=True)
class Message:
    """What one message carried: keys, patient numbers (a letter for the authority: `7:mrn:a1`), elements."""

    trace: str
    interface: str
    at: datetime
    keys: tuple[str, ...]
    patients: tuple[str, ...] = ()
    said: tuple[tuple[str, str, str, str, str], ...] = ()
    """(event, level, from, to, subject)"""


def kind(token: str) -> str:
    return token.split(":")[1]


def rank(token: str) -> int:
    return KINDS.index(kind(token))


def authority(patient: str) -> str:
    return patient.split(":")[2][0]


def hospital(number: int, people: bool = True, moves: bool = False) -> list[Message]:
    """The messages of one hospital; with `people`, of patients who are merged and told apart, whose stays
    (`moves`) are moved from one to another."""
    dice = random.Random(f"hospital {number}")
    messages = []
    at = NOW
    for n in range(dice.randint(1, 9)):
        # Never two at once: of contradicting events at one moment, any order is as good.
        at += timedelta(minutes=1, hours=dice.choice((0, 1, 5, 30))) + timedelta(
            days=dice.choice((0, 0, 0, 0, 90))
        )
        keys = [
            f"{number}:{name}:{dice.randint(1, 3)}"
            for name in ("visit", "account", "order", "claim", "journal")
            if dice.random() < {"visit": 0.55, "account": 0.6}.get(name, 0.3)
        ]
        if dice.random() < 0.08:
            keys.append(f"{number}:{dice.choice(LISTED)}:{dice.randint(1, 3)}")
        keys = list(dict.fromkeys(keys))
        patients: list[str] = []
        said = []
        # A message with a visit names the patient, as PID-3 must be there; whose a visit is nobody says
        # otherwise.
        visit = any(kind(key) == "visit" for key in keys)
        if people and (visit or dice.random() < 0.5):
            person = dice.randint(1, 3)
            # Numbers of two authorities that never stand together could be anybody's: every message has the
            # hospital's own.
            patients = [f"{number}:mrn:a{person}"] + [f"{number}:mrn:b{person}"] * (dice.random() < 0.5)
        if people and dice.random() < 0.3:
            said.append(_event(dice, number, moves))
        if keys or patients or said:
            name = blake2b(f"{number}/{n}".encode(), digest_size=16).hexdigest()
            messages.append(
                Message(
                    name, dice.choice(("adt", "dft", "erp")), at, tuple(keys), tuple(patients), tuple(said)
                )
            )
    return messages


def _event(dice: random.Random, number: int, moves: bool) -> tuple[str, str, str, str, str]:
    one, other = dice.sample((1, 2, 3), 2)
    if moves and dice.random() < 0.4:
        patients = f"{number}:mrn:a{one}", f"{number}:mrn:a{other}"
        level = dice.choice(("visit", "account"))
        return "move", level, *patients, f"{number}:{level}:{dice.randint(1, 3)}"
    what = dice.choice(
        (
            "merge patient",
            "link patient",
            "unlink patient",
            "move patient",
            "merge visit",
            "merge account",
            "move",
        )
    )
    if what == "move":
        accounts = f"{number}:account:{one}", f"{number}:account:{other}"
        return "move", "visit", *accounts, f"{number}:visit:{dice.randint(1, 3)}"
    event, level = what.split(" ")
    name = {"patient": "mrn:a", "visit": "visit:", "account": "account:"}[level]
    return event, level, f"{number}:{name}{one}", f"{number}:{name}{other}", ""


def best(message: Message) -> str:
    """The key that names a message: '' if it has none, or is a batch."""
    ranked = _single(message)
    return min(ranked, key=lambda token: (rank(token), message.keys.index(token)), default="")


def _single(message: Message) -> list[str]:
    names = [kind(token) for token in message.keys]
    return [t for t in message.keys if not (kind(t) in LISTED and names.count(kind(t)) > 1)]


def stored(token: str) -> str:
    """A token as it is spelt in the store, where a colon separates the parts of a reference."""
    return token.replace(":", "/")


def facts(messages: Iterable[Message], store: bool = False) -> Facts:
    """Everything the messages tell, gathered without a store; spelt as in the store if asked for."""
    if store:
        told = facts(messages)
        return Facts(
            [
                one._replace(token=stored(one.token), other=stored(one.other), patient=stored(one.patient))
                for one in told.links
            ],
            [
                one._replace(
                    from_token=stored(one.from_token),
                    to_token=stored(one.to_token),
                    subject_token=stored(one.subject_token),
                )
                for one in told.events
            ],
            [
                one._replace(
                    patient=stored(one.patient),
                    key=stored(one.key),
                    together=frozenset(map(stored, one.together)),
                )
                for one in told.sightings
            ],
            {stored(token): name for token, name in told.keys.items()},
        )
    links: dict[tuple[str, str, str, str], tuple[datetime, datetime]] = {}
    seen: dict[tuple[str, str], tuple[datetime, datetime, frozenset[str]]] = {}
    events = []
    kinds = {}
    for message in messages:
        head = best(message)
        patient = message.patients[0] if message.patients else ""
        for other in _single(message):
            if other != head:
                at = links.get((head, other, message.interface, patient), (message.at, message.at))
                links[head, other, message.interface, patient] = (
                    min(at[0], message.at),
                    max(at[1], message.at),
                )
        named = min(message.keys, key=lambda t: (rank(t), message.keys.index(t)), default="")
        for one in message.patients:
            if named:
                kinds[named] = kind(named)
                known = seen.get((one, named), (message.at, message.at, frozenset()))
                seen[one, named] = (
                    min(known[0], message.at),
                    max(known[1], message.at),
                    known[2] | (set(message.patients) - {one}),
                )
        events += [_fact(message, place, told) for place, told in enumerate(message.said)]
    return Facts(
        [
            Link(one, kind(one), other, kind(other), interface, patient, first, last)
            for (one, other, interface, patient), (first, last) in links.items()
        ],
        events,
        [
            Sighting(one, authority(one), key, kind(key), first, last, together)
            for (one, key), (first, last, together) in seen.items()
        ],
        kinds
        | {
            t: "visit"
            for e in events
            for t in (e.from_token, e.to_token)
            if e.level == "visit" and e.event == "merge"
        },
    )


def _fact(message: Message, place: int, told: tuple[str, str, str, str, str]) -> Event:
    event, level, before, after, subject = told
    return Event(
        f"{message.trace}{place}",
        message.at,
        event,
        level,
        before,
        after,
        subject,
        "",
        kind(before),
        kind(after),
    )


def insert(store: Store, messages: Sequence[Message]) -> None:
    """Store messages as the view of arriving spans sees them."""
    rows = []
    for message in messages:
        every = message.keys + message.patients
        said = " ".join(_element(*told, message.at) for told in message.said)
        rows.append(
            (
                message.trace, message.trace[:16], message.at, message.interface,
                [kind(token) for token in every],
                [authority(t) if kind(t) in SEARCH_ONLY else "NSH" for t in every],
                [stored(token) for token in every],
                ["" for _ in every],
                {"journey.identity": said} if said else {},
            )
        )  # fmt: skip
    columns = (
        "trace_id", "span_id", "start", "interface", "key_kinds", "key_authorities", "key_tokens",
        "key_seals", "attributes",
    )  # fmt: skip
    store.insert("spans_in", columns, rows)


def _element(event: str, level: str, before: str, after: str, subject: str, at: datetime) -> str:
    def reference(token: str) -> str:
        name = authority(token) if kind(token) in SEARCH_ONLY else "NSH"
        return f"{kind(token)}:{name}:{token.replace(':', '/')}"

    moved = reference(subject) if subject else ""
    stamp = int(at.timestamp() * 1000)
    return f"{event},{level},{reference(before)}:,{reference(after)},{moved},{stamp}"


def one_person(messages: Iterable[Message]) -> dict[str, str]:
    """Union-find: each patient number -> the person it is, after all merges, links and partings in force."""
    told: dict[frozenset[str], list[tuple[datetime, str, str, str, str]]] = defaultdict(list)
    numbers = set()
    for message in messages:
        numbers |= set(message.patients)
        for place, (event, level, before, after, _) in enumerate(message.said):
            if level == "patient":
                numbers |= {before, after}
                told[frozenset((before, after))].append(
                    (message.at, f"{message.trace}{place}", event, before, after)
                )
    parent = {number: number for number in numbers}

    def find(number: str) -> str:
        while parent[number] != number:
            number = parent[number]
        return number

    for pair, events in told.items():
        joined: list[tuple[str, str]] = []
        for _, _, event, before, after in sorted(events):
            if event in ("merge", "link"):
                joined.append((before, after))
            elif event == "unlink" or (event == "move" and (after, before) in joined):
                joined = []
        if joined:
            one, other = sorted(pair)
            parent[find(other)] = find(one)
    return {number: find(number) for number in numbers}
