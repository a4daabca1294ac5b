"""Do the journeys of real-looking traffic agree with its encounters? 1,013 messages of a simulated hospital.

`python -m benchmarks.journeys_corpus [FILE]` loads ../shared/corpus/hl7v2/simhospital.hl7 the way
`caretrail replay` does into an embedded store, resolves, and compares the journeys with encounters counted in
plain Python from the raw messages. Prints figures and the messages without identity; the last line is JSON.

How encounters are counted, without Caretrail: segments are split at CR, fields at "|".

- A visit number (PV1-19, first component) is an encounter.
- A message without one that names an order (ORC-2, ORC-3, OBR-2, OBR-3; first components) belongs to the
  visit that any message names with that order. If none does, it belongs to the visit of its patient (PID-3,
  first number) whose messages lie within a day of it. In this file none does: these are results of days to
  months before the admission that is in the file. What is left over are orders outside any numbered visit:
  those that share an order number are one, and nothing else says that two of them are (`orders_outside`).
- What names neither a visit nor an order, and whose patient has no visit within a day, is in no encounter.

`messages_without_identity` are those without a visit whose patient number no message of the file names with a
visit. (Three of the five are known all the same to who reads the A34 among them: it merges a patient who has
a visit into theirs; `known_by_merge`. The A34 lies within a day of that visit and is put beside it, which is
the one of `journeys_of_several_encounters`; for `joined_patients` the two numbers are the one patient they
are.) As a further reading, `stays_unnumbered` counts the admissions (patient and PV1-44) that messages
without a visit number name: an admission time is no key of Caretrail's, so it does not gather the orders of
such a stay.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.verdicts_store import Bodies, home_of, places
from collector.archives.load import Loader
from collector.archives.sources import find
from collector.archives.tally import Tally
from collector.taps.config import load_interfaces
from collector.taps.hops import KeyEncoder
from tracing.context import SiteKey
from tracing.identity import Resolver
from tracing.keys import Sealer
from tracing.store import Store, open_store

CORPUS = Path(__file__).parents[2] / "shared/corpus/hl7v2/simhospital.hl7"
_NEAR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Raw:
    """A message as plain text tells it."""

    control_id: str
    message: str
    at: datetime
    visit: str
    orders: frozenset[str]
    patient: str
    earlier: str
    admitted: str


def main() -> None:
    """Parse the command line, run, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", nargs="?", type=Path, default=CORPUS)
    file = parser.parse_args().file
    folder = Path(tempfile.mkdtemp(prefix="caretrail-corpus-"))
    try:
        figures = run(folder, file)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(figures))


def run(folder: Path, file: Path) -> dict[str, Any]:
    """Count both ways; returns the figures of the last line."""
    raws = read(file)
    truly = count(raws)
    with open_store(f"chdb://{folder / 'store'}") as store:
        store.migrate()
        tally = load(store, file, SiteKey.create(folder / "site.key"))
        Resolver(store).step(datetime.now(UTC))
        found = journeys(store)
    by_message = {control_id: journey for control_id, (_, journey) in found.items()}
    kinds = Counter(kind for kind, _ in set(found.values()))
    held: dict[str, set[str]] = defaultdict(set)
    together: dict[str, set[str]] = defaultdict(set)
    patients: dict[str, set[str]] = defaultdict(set)
    persons = {raw.earlier: raw.patient for raw in raws if raw.earlier}
    for raw in raws:
        together[truly.of[raw.control_id]].add(by_message[raw.control_id])
        held[by_message[raw.control_id]].add(truly.of[raw.control_id])
        patients[by_message[raw.control_id]].add(persons.get(raw.patient, raw.patient))
    loose = tally.without_encounter()
    figures: dict[str, Any] = {
        "messages": tally.messages,
        "encounters": truly.encounters,
        "journeys": kinds["visit"] + kinds["order"],
        "visits": truly.visits,
        "journeys_of_visits": kinds["visit"],
        "orders_outside": truly.orders,
        "journeys_of_orders": kinds["order"],
        "alone": truly.alone,
        "journeys_alone": kinds.total() - kinds["visit"] - kinds["order"],
        "encounters_in_several_journeys": sum(len(its) > 1 for its in together.values()),
        "journeys_of_several_encounters": sum(len(its) > 1 for its in held.values()),
        "joined_patients": sum(len(whose) > 1 for whose in patients.values()),
        "stays_unnumbered": truly.stays,
        "messages_without_identity": len(loose),
        "messages_without_identity_by_hand": len(truly.without),
        "known_by_merge": truly.known_by_merge,
    }
    for name, value in figures.items():
        print(f"{name.replace('_', ' '):36}{value:>8,}")
    for one in loose:
        print(f"without identity: {one.message} {one.control_id}, {one.place.where}")
    return figures


def load(store: Store, file: Path, site_key: SiteKey) -> Tally:
    """Load `file` as `caretrail replay --kind hl7` does."""
    described = {
        "kind": "folder",
        "name": "corpus",
        "path": str(file.parent),
        "format": "hl7",
        "source": "ehr",
        "destination": "engine",
    }
    sink = Bodies(store)
    tally = Tally(sink)
    loader = Loader(load_interfaces([described])[0], KeyEncoder(Sealer(site_key)), tally, UTC)
    for source in find([str(file)]):
        loader.load(source)
    sink.flush()
    return tally


def journeys(store: Store) -> dict[str, tuple[str, str]]:
    """Control ID -> (kind of the journey's root, journey)."""
    placed = places(store)
    rows = store.query(
        "SELECT control_id, toUnixTimestamp64Nano(start), trace_id, key_kinds, key_tokens FROM spans FINAL"
    ).rows
    kinds = {token: kind for row in rows for kind, token in zip(row[3], row[4], strict=True)}
    found = {}
    for control_id, start, trace_id, its, tokens in rows:
        journey = home_of(placed, trace_id, its, tokens, start) or trace_id
        found[control_id] = kinds.get(journey, "message"), journey
    return found


def read(file: Path) -> list[Raw]:
    """The messages of a file in which a blank line separates them."""
    text = file.read_bytes().decode("latin-1").replace("\r\n", "\n").replace("\r", "\n")
    return [_raw(block.strip("\n").split("\n")) for block in text.split("\n\n") if block.strip()]


def _raw(segments: list[str]) -> Raw:
    fields: dict[str, list[str]] = {}
    for segment in segments:
        parts = segment.split("|")
        # MSH-1 is the separator itself, so that its fields count from there.
        fields.setdefault(parts[0], ["", *parts] if parts[0] == "MSH" else parts)

    def first(name: str, number: int) -> str:
        values = fields.get(name, [])
        return values[number].split("~")[0].split("^")[0] if len(values) > number else ""

    orders = (("ORC", 2), ("ORC", 3), ("OBR", 2), ("OBR", 3))
    kind = (fields["MSH"] + [""] * 10)[9]
    return Raw(
        control_id=first("MSH", 10),
        message=kind,
        at=datetime.strptime(first("MSH", 7)[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC),
        visit=first("PV1", 19),
        # Placer and filler number their own orders: the same digits of both are two numbers.
        orders=frozenset(
            f"{'placer' if number == 2 else 'filler'} {first(name, number)}"
            for name, number in orders
            if first(name, number)
        ),
        patient=first("PID", 3),
        earlier=first("MRG", 1),
        admitted=first("PV1", 44),
    )


@dataclass(frozen=True, slots=True)
class Counted:
    """Encounters as far as the data tells; `of` is that of each message by control ID."""

    visits: int
    orders: int
    alone: int
    stays: int
    of: dict[str, str]
    without: list[Raw]
    known_by_merge: int

    @property
    def encounters(self) -> int:
        return self.visits + self.orders


def count(raws: list[Raw]) -> Counted:
    """Count as the head of this module says."""
    visit_of_order: dict[str, str] = {}
    times: dict[str, dict[str, list[datetime]]] = defaultdict(lambda: defaultdict(list))
    for raw in raws:
        if raw.visit:
            visit_of_order.update(dict.fromkeys(raw.orders, raw.visit))
            times[raw.patient][raw.visit].append(raw.at)
    of: dict[str, str] = {}
    groups: list[tuple[set[str], list[str]]] = []
    for raw in raws:
        visit = raw.visit or next((visit_of_order[one] for one in raw.orders if one in visit_of_order), "")
        near = {
            its
            for its, at in times.get(raw.patient, {}).items()
            if min(at) - _NEAR <= raw.at <= max(at) + _NEAR
        }
        if not visit and len(near) == 1:
            visit = next(iter(near))
        if visit or not raw.orders:
            of[raw.control_id] = f"visit {visit}" if visit else f"message {raw.control_id}"
            continue
        sharing = [group for group in groups if group[0] & raw.orders]
        orders = set(raw.orders).union(*(group[0] for group in sharing))
        ids = [raw.control_id, *(control_id for group in sharing for control_id in group[1])]
        groups = [group for group in groups if group not in sharing] + [(orders, ids)]
    for number, (_, control_ids) in enumerate(groups):
        of.update(dict.fromkeys(control_ids, f"order {number}"))
    kinds = Counter(name.split(" ")[0] for name in set(of.values()))
    numbered = {(raw.patient, raw.admitted) for raw in raws if raw.visit}
    stays = {(raw.patient, raw.admitted) for raw in raws if not raw.visit and raw.admitted}
    known = set(times)
    without = [raw for raw in raws if not raw.visit and raw.patient not in known]
    merged = {raw.patient for raw in raws if raw.earlier in known}
    return Counted(
        visits=kinds["visit"],
        orders=kinds["order"],
        alone=kinds["message"],
        stays=len(stays - numbered),
        of=of,
        without=without,
        known_by_merge=sum(raw.patient in merged for raw in without),
    )


if __name__ == "__main__":
    main()
