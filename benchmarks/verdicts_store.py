"""Sends a recording through the taps' observers into a store, and reads back the journey of each message.

Called by benchmarks.verdicts. Reads tables and applies the meaning of eras by itself, so that what it says of
journeys does not rest on the queries it judges.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.verdicts_truth import ALIASES, AUTHORITIES, AUTHORITY, Hop, Part, Record
from collector.taps.config import FolderInterface, HttpInterface, MllpInterface
from collector.taps.origin import resource
from collector.taps.replay import Observer
from simulator.roads import ROADS
from tracing.context import SiteKey
from tracing.keys import KINDS, SEARCH_ONLY, Sealer, business_key
from tracing.spans import export_request, scope_spans
from tracing.store import Store

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = timedelta(days=3)
_PLACES = """
SELECT token, journey, certainty, arrayMap(era -> (era.1, toUnixTimestamp64Milli(era.2), era.3), eras)
FROM journeys FINAL
"""


class Bodies:
    """A sink that gathers spans into OTLP requests and inserts them."""

    def __init__(self, store: Store) -> None:
        self.spans = 0
        self._store = store
        self._resource = resource(site="verdicts")
        self._pending: dict[bytes, list[bytes]] = {}
        self._bytes = 0

    def append(self, scope: bytes, encoded: bytes, count: int = 1) -> bool:
        """Take spans; every few megabytes they are stored."""
        self._pending.setdefault(scope, []).append(encoded)
        self._bytes += len(encoded)
        self.spans += count
        if self._bytes > 4 << 20:
            self.flush()
        return True

    def flush(self) -> None:
        """Store what has been gathered."""
        scopes = b"".join(scope_spans(scope, b"".join(spans)) for scope, spans in self._pending.items())
        if scopes:
            self._store.insert_otlp(export_request(self._resource, scopes), f"verdicts-{self.spans}")
        self._pending, self._bytes = {}, 0


def observe(
    store: Store,
    records: Iterable[dict[str, Any]],
    site_key: SiteKey,
    batch: int = 0,
    stored: Callable[[datetime], None] = lambda now: None,
) -> int:
    """Send records, calling `stored(time of the last one)` after each `batch`; returns how many spans."""
    sink = Bodies(store)
    observer = Observer(list(interfaces()), site_key, sink)
    latest = 0
    for number, record in enumerate(records, 1):
        observer.observe_record(record)
        latest = max(latest, int(record["end"]))
        if batch and number % batch == 0:
            sink.flush()
            stored(_EPOCH + timedelta(microseconds=latest // 1000))
    sink.flush()
    return sink.spans


def late(records: Iterable[dict[str, Any]], seed: int, share: float = 0.05) -> list[dict[str, Any]]:
    """The records in the order in which a collector might get them: some up to three days late."""
    dice = random.Random(f"{seed}|late")
    longest = int(_LATEST.total_seconds() * 1e9)

    def arrives(record: dict[str, Any]) -> int:
        delay = dice.randrange(longest) if dice.random() < share else dice.randrange(10**9)
        return int(record["end"]) + delay

    return [
        record for _, record in sorted(((arrives(one), one) for one in records), key=lambda pair: pair[0])
    ]


def interfaces() -> Iterator[MllpInterface | HttpInterface | FolderInterface]:
    """The hospital's taps, by the table of its roads; nobody connects to their addresses here.

    Some of the engine's messages to billing have the account where the visit should be and the reverse, so
    this road tells the two by what they look like.
    """
    nowhere = "127.0.0.1:1"
    for road in ROADS.values():
        given: dict[str, Any] = {
            "name": road.name,
            "kind": road.kind,
            "source": road.source,
            "destination": road.destination,
            "facility": AUTHORITY,
            "authority": AUTHORITY,
            **road.tap,
        }
        if road.kind == "folder":
            yield FolderInterface.model_validate(given | {"path": "nowhere"})
        elif road.kind == "http":
            yield HttpInterface.model_validate(given | {"listen": nowhere, "upstream": f"http://{nowhere}"})
        else:
            if road.name == "billing-dft":
                given["keys"] = _told_by_their_looks()
            yield MllpInterface.model_validate(given | {"listen": nowhere, "upstream": nowhere})


def _told_by_their_looks() -> list[dict[str, str]]:
    account = r"A\d+|UNKNOWN"
    return [
        {"kind": "visit", "path": "PV1-19", "pattern": r"[VX]\d+|0"},
        {"kind": "visit", "path": "PID-18", "pattern": r"[VX]\d+"},
        {"kind": "account", "path": "PID-18", "pattern": account},
        {"kind": "account", "path": "PV1-19", "pattern": account},
        {"kind": "mrn", "path": "PID-3"},
    ]


@dataclass(slots=True)
class Placed:
    """Which parts of the truth each journey holds, and what is wrong with that.

    names: journey -> the parts in it, joined by "+" should there be several. joined: journeys with messages
    of two different persons, and which these are. split: parts in several journeys. missing: messages of
    which the store has no span. probable_elsewhere: parts of which a message that names only the patient is
    in no journey or another one.
    """

    names: dict[str, str] = field(default_factory=dict)
    joined: dict[str, list[str]] = field(default_factory=dict)
    split: dict[str, list[str]] = field(default_factory=dict)
    missing: int = 0
    probable_elsewhere: list[str] = field(default_factory=list)


_OF_BATCHES = ("999",)
"""They are about all that is in a batch, and so in no journey."""


class Homes:
    """The journey of every stored message, by interface, time and, in files, account."""

    def __init__(self, store: Store, sealer: Sealer) -> None:
        self._sealer = sealer
        placed = places(store)
        self._homes: dict[tuple[str, int], list[tuple[frozenset[str], str | None]]] = defaultdict(list)
        rows = store.query(
            "SELECT interface, toUnixTimestamp64Nano(start), trace_id, key_kinds, key_tokens, tags['batch'] "
            "FROM spans FINAL"
        ).rows
        for interface, start, trace_id, kinds, tokens, batch in rows:
            # What is about a batch is of many journeys and in none.
            home = home_of(placed, trace_id, kinds, tokens, start) if tokens or not batch else None
            self._homes[interface, start].append((frozenset(tokens), home))

    def of(self, hop: Hop, record: Record | None) -> list[str | None]:
        """Journeys of the spans of a hop; None for a message that joins nothing; empty if it is not there."""
        found = self._homes.get((hop["interface"], hop["at"]), [])
        if len(found) < 2 or record is None:
            return [home for _, home in found]
        named = {
            token_of(self._sealer, kind, value, record["authority"])
            for kind, value in hop["names"].items()
            if kind != "mrn"
        }
        return [home for tokens, home in found if tokens & named]


def token_of(sealer: Sealer, kind: str, value: str, authority: str) -> str:
    """The token of a number of the truth."""
    key = business_key(ALIASES.get(kind, kind), value, AUTHORITIES.get(kind), authority)
    assert key is not None
    return sealer.token(key)


def places(store: Store) -> dict[str, Any]:
    """Where every token belongs: journey, certainty, eras (patient, since in Unix milliseconds, journey)."""
    return {row[0]: row[1:] for row in store.query(_PLACES).rows}


def home_of(
    placed: dict[str, Any], trace_id: str, kinds: list[str], tokens: list[str], start: int
) -> str | None:
    """The journey of a span that started at `start` (Unix nanoseconds); None if its key joins nothing."""
    best = _best(kinds, tokens) or trace_id
    patient = next((token for kind, token in zip(kinds, tokens, strict=True) if kind == "mrn"), "")
    return _home(placed.get(best), best, patient, start // 1_000_000)


def _best(kinds: list[str], tokens: list[str]) -> str:
    keyed = [
        (KINDS.index(kind), token)
        for kind, token in zip(kinds, tokens, strict=True)
        if kind not in SEARCH_ONLY
    ]
    return min(keyed, key=lambda pair: pair[0])[1] if keyed else ""


def _home(place: Any, token: str, patient: str, milliseconds: int) -> str | None:
    """Of several eras the one of the patient, else the last that had begun."""
    if place is None:
        return token
    journey, certainty, eras = place
    if certainty == "quarantined":
        return None
    for who, _, its in eras:
        if patient and who == patient:
            return str(its)
    begun = [(since, its) for _, since, its in eras if since <= milliseconds]
    return str(max(begun, key=lambda era: era[0])[1]) if begun else str(journey)


def placed(
    homes: Homes, encounters: dict[str, Record], parts: list[Part], nobodys: list[tuple[Hop, Record | None]]
) -> Placed:
    """Hold the journeys against the truth. A message about two persons (a merge, a link) is left out."""
    found = Placed()
    held: dict[str, set[str]] = defaultdict(set)
    persons: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))

    def note(hop: Hop, record: Record | None, part: str) -> set[str | None]:
        at = homes.of(hop, record)
        found.missing += not at
        for home in at:
            if home is not None and len(set(hop["persons"])) == 1:
                story = f"{part or 'nobody'} {hop['message']} {record['story'] if record else ''}"
                persons[home][hop["persons"][0]].add(story)
        return set(at)

    for part in parts:
        record = encounters[part.encounter]
        its: set[str | None] = set()
        for hop in part.hops:
            at = note(hop, record, part.id)
            its |= set() if hop["message"] in _OF_BATCHES else at
        for home in its - {None}:
            held[str(home)].add(part.id)
        if len(its) > 1:
            found.split[part.id] = sorted(str(home) for home in its)
        for hop in part.probable:
            if len(set(hop["persons"])) == 1 and note(hop, record, part.id) != its and its:
                found.probable_elsewhere.append(part.id)
    for hop, owner in nobodys:
        note(hop, owner, "")
    found.names = {journey: "+".join(sorted(its)) for journey, its in held.items()}
    for journey, whose in persons.items():
        if len(whose) > 1:
            found.joined[journey] = sorted(
                f"{person}: {', '.join(sorted(what))}" for person, what in whose.items()
            )
    return found
