"""What verdicts should be: the truth of a simulated hospital, read by the rules of identity alone.

Called by benchmarks.verdicts. The hospital says whose each message truly was and which numbers it carried;
this module says which messages can be known to belong together, in plain Python that shares nothing with
Caretrail's identity:

- A message that names a visit belongs to that visit. An earlier number of a visit is that visit if a message
  said so (A42, A50), at whatever time; a number of somebody else, or of nobody, is another journey
  (`Part.name`), and none of this encounter's.
- A message without a visit that names an account belongs to the visit that the EHR named last with it. An
  earlier account number (A35, A41, A49) is the same account.
- An account that the visits of several persons share (a department's) says nothing: what names only that is
  nobody's.
- A blank ("0", "UNKNOWN", "999999999") is nothing.
- What names neither visit nor account, but an order, a case, a task, belongs where the message did that named
  it first together with a visit, or else with an account; without one to a journey of its own.
- A message that names only a patient probably belongs to the visit of that patient at that time if there is
  exactly one; it counts for workflows of low and medium criticality, and never for a critical one.
- Patients who were merged, or whose visit was moved, are one where the message said so; linked patients (A24)
  stay two; a merge that was taken back never was.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from simulator.roads import ROADS
from slo.workflows.facts import NEVER, Facts
from slo.workflows.judge import Seen, judge
from slo.workflows.load import Definition

Tokens = Callable[[str, str], str]
"""The token of (kind, number)."""
OTHERS = (
    "order", "filler", "claim", "case", "purchase_order", "requisition", "charge", "document", "inquiry",
)  # fmt: skip
"""What names a message that names neither visit nor account, best first."""
Hop = dict[str, Any]
Record = dict[str, Any]

AUTHORITY = "NSH"
AUTHORITIES = {"order": "EHR", "filler": "LAB", "payer_claim": "PAYER"}
"""Who assigned what is not numbered by the house."""
ALIASES = {"filler": "order", "payer_claim": "claim"}
"""Second numbers of things, and the kind they are of."""
BLANKS = frozenset({"0", "UNKNOWN", "999999999", "SELF"})
_AROUND = timedelta(hours=24)
"""How much longer than its messages a visit is taken to last, when only the patient is named."""
_SURE = ("high", "critical")


@dataclass(slots=True)
class Part:
    """Messages of one encounter that can be known to belong together; `name` is '' for its own visit's.

    probable: those of its own that name only the patient.
    """

    encounter: str
    name: str
    hops: list[Hop] = field(default_factory=list)
    probable: list[Hop] = field(default_factory=list)

    @property
    def id(self) -> str:
        return f"{self.encounter}/{self.name}" if self.name else self.encounter


@dataclass(frozen=True, slots=True)
class Expected:
    """The parts of all encounters, the facts of every workflow for each, and hops that are nobody's."""

    parts: list[Part]
    facts: list[tuple[str, Facts]]
    nobodys: list[tuple[Hop, Record]]

    def at(self, moment: datetime) -> dict[tuple[str, str, str, int], str]:
        """(workflow, part, item, occurrence) -> state."""
        return {
            (facts.workflow, part, facts.item, facts.occurrence): facts.state(moment)
            for part, facts in self.facts
            if facts.started_at <= moment < NEVER
        }


def expect(
    encounters: dict[str, Record], definitions: list[Definition], tokens: Tokens, whole: bool = False
) -> Expected:
    """What should come out. `whole`: as if every message of an encounter could be known to be its."""
    crowded = _crowded(encounters.values())
    stays = _stays(encounters.values())
    parts: list[Part] = []
    nobodys: list[tuple[Hop, Record]] = []
    for key, record in encounters.items():
        if whole:
            parts.append(Part(key, "", list(record["hops"])))
        else:
            parts += _parts(key, record, crowded, stays, nobodys)
    audiences = [(definition, _roads(definition)) for definition in definitions]
    facts = [
        (part.id, found)
        for part in parts
        for definition, roads in audiences
        for found in _judged(encounters[part.encounter], part, definition, roads, tokens)
    ]
    return Expected(parts, facts, nobodys)


def _roads(definition: Definition) -> frozenset[str]:
    """The roads on which anything can be heard that the workflow names: the others need not be looked at."""
    spec = definition.workflow.spec
    matches = [*definition.workflow.marks.values(), *(match for step in spec.steps for match in step.matches)]
    return frozenset(
        road.name
        for road in ROADS.values()
        if any(
            (match.interface is None or road.name in match.interface)
            and (match.destination is None or road.destination in match.destination)
            for match in matches
        )
    )


def _judged(
    record: Record, part: Part, definition: Definition, roads: frozenset[str], tokens: Tokens
) -> list[Facts]:
    workflow = definition.workflow
    sure = workflow.metadata.criticality in _SURE
    each = workflow.spec.for_each
    seen = [
        _seen(record, hop, _items(hop, each, tokens))
        for hop in (part.hops if sure else part.hops + part.probable)
        if hop["interface"] in roads
    ]
    return judge(workflow, part.id, seen, definition.calendars) if seen else []


def _items(hop: Hop, each: str | None, tokens: Tokens) -> tuple[tuple[str, ...], ...]:
    """The item a message names, by all its numbers."""
    kinds = (each, *(alias for alias, kind in ALIASES.items() if kind == each))
    named = tuple(tokens(kind, hop["names"][kind]) for kind in kinds if kind and kind in hop["names"])
    return (named,) if named else ()


def _parts(
    key: str,
    record: Record,
    crowded: frozenset[tuple[str, str]],
    stays: dict[str, list[tuple[str, datetime, datetime]]],
    nobodys: list[tuple[Hop, Record]],
) -> list[Part]:
    own = _own_visits(record)
    named: dict[str, Part] = {}

    def part(visit: str) -> Part:
        name = "" if visit in own or not visit else visit
        return named.setdefault(name, Part(key, name))

    last = _last_named(record)
    linked = _linked(record, last)
    for hop in record["hops"]:
        visit, account = (_meant(hop, kind) for kind in ("visit", "account"))
        if visit:
            part(visit).hops.append(hop)
        elif account and (record["authority"], account) not in crowded:
            part(last).hops.append(hop)
        elif not account and (other := _best(hop)):
            name = linked.get(other, last if not record["visit"] else ":".join(other))
            part(name).hops.append(hop)
        elif not account and _meant(hop, "mrn") and _only_stay(key, record, hop, stays):
            part("").probable.append(hop)
        else:
            nobodys.append((hop, record))
    return list(named.values())


def _meant(hop: Hop, kind: str) -> str:
    value = str(hop["names"].get(kind, ""))
    return "" if value in BLANKS else value


def _best(hop: Hop) -> tuple[str, str] | None:
    """The best number of a message that names neither visit nor account nor patient alone."""
    others = [(kind, value) for kind, value in hop["names"].items() if kind in OTHERS and value]
    return min(others, key=lambda one: OTHERS.index(one[0]), default=None)


def _linked(record: Record, last: str) -> dict[tuple[str, str], str]:
    """What orders, cases and tasks belong to: the visit they were named with, else that of the account."""
    found: dict[tuple[str, str], str] = {}
    for wanted in ("visit", "account"):
        for hop in record["hops"]:
            named = _meant(hop, wanted)
            if not named or (wanted == "account" and _meant(hop, "visit")):
                continue
            for kind, value in hop["names"].items():
                if kind in OTHERS:
                    found.setdefault((kind, str(value)), named if wanted == "visit" else last)
    return found


def _own_visits(record: Record) -> frozenset[str]:
    """The visit's number, and those it had before a message that was sent said which it has now."""
    sent = {hop["message"] for hop in record["hops"]}
    prior = {notice["prior"].get("visit", "") for notice in record["notices"] if notice["message"] in sent}
    return frozenset({record["visit"], *prior} - {""})


def _last_named(record: Record) -> str:
    """The visit named last with the account by whoever named both first, which is nearly always the EHR."""
    both = [hop for hop in record["hops"] if _meant(hop, "visit") and _meant(hop, "account")]
    both.sort(key=lambda hop: (int(hop["at"]), hop["interface"]))
    source = both[0]["interface"] if both and record["story"] == "none" else "ehr-adt"
    found = ""
    for hop in sorted(record["hops"], key=lambda hop: int(hop["at"])):
        if hop["interface"] == source:
            found = _meant(hop, "visit") or found
    return found


def _crowded(records: Iterable[Record]) -> frozenset[tuple[str, str]]:
    """Accounts of departments, with authority, that messages named with the visits of several persons."""
    persons: dict[tuple[str, str], set[str]] = defaultdict(set)
    for record in records:
        if record["story"] == "bucket" and any(_meant(hop, "visit") for hop in record["hops"]):
            persons[record["authority"], record["account"]].add(record["person"])
    return frozenset(account for account, seen in persons.items() if len(seen) > 1)


def _stays(records: Iterable[Record]) -> dict[str, list[tuple[str, datetime, datetime]]]:
    """Person -> (encounter, first and last message that named the person and a visit)."""
    found: dict[str, list[tuple[str, datetime, datetime]]] = defaultdict(list)
    for record in records:
        times = [moment(hop["at"]) for hop in record["hops"] if _meant(hop, "visit") and _meant(hop, "mrn")]
        if times:
            found[record["person"]].append((record["encounter"], min(times), max(times)))
    return found


def _only_stay(
    key: str, record: Record, hop: Hop, stays: dict[str, list[tuple[str, datetime, datetime]]]
) -> bool:
    at = moment(hop["at"])
    there = {
        encounter
        for encounter, first, last in stays.get(record["person"], ())
        if first - _AROUND <= at <= last + _AROUND
    }
    return there == {key}


def _seen(record: Record, hop: Hop, items: tuple[tuple[str, ...], ...]) -> Seen:
    road = ROADS[hop["interface"]]
    over_http = hop["message"].startswith("POST ")
    return Seen(
        sent=moment(hop["at"]),
        acknowledged=moment(hop["end"]),
        interface=hop["interface"],
        source=road.source,
        destination=road.destination,
        message="" if over_http else hop["message"],
        operation=hop["message"] if over_http else "",
        outcome=hop["outcome"],
        ack_code=hop["code"],
        reason=hop["reason"],
        facility=record["facility"] if road.kind == "mllp" else AUTHORITY,
        tags=hop["tags"],
        items=items,
        identity=hop["control_id"] or str(hop["at"]),
    )


def moment(nanoseconds: int) -> datetime:
    """Whole milliseconds, as checkpoints have them."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=nanoseconds // 1_000_000)
