"""Is Caretrail right? Its verdict on every simulated encounter against the truth the hospital wrote itself.

`python -m benchmarks.verdicts` simulates weeks of a hospital with all its faults, sends the recording
through the taps' observers into an embedded store, and judges both ways at several moments: Caretrail by its
SQL, the truth by the plain-Python model over what the hospital says it sent. Prints the confusion matrix; the
last line is one JSON object with every figure.

The truth knows whose message it was even when the message named a visit number nobody has (faults
wrong_visit and wrong_visit_on_charge). Two visits are never joined, so a message is expected to count for the
visit that it names, and one that names none for the visit that the EHR named last. `differs_by_account` says
how many verdicts would be others in the end, had every message of an account counted for one visit.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from collector.taps.config import FolderInterface, HttpInterface, JsonKey, MllpInterface
from collector.taps.origin import resource
from collector.taps.replay import Observer
from simulator import history, truth
from slo.workflows import Evaluator, activate, define
from slo.workflows.compile import judged
from slo.workflows.facts import NEVER, Facts
from slo.workflows.judge import Seen, judge
from slo.workflows.judgement import Judge
from slo.workflows.load import Definition
from tracing.context import SiteKey
from tracing.identity import Resolver
from tracing.keys import Sealer, business_key
from tracing.spans import export_request, scope_spans
from tracing.store import Store, open_store

PACKS = Path(__file__).parents[1] / "workflows"
WORKFLOWS = ("discharge-to-cash", "registration-to-billing")
AUTHORITY = "NSH"
NOTHING = "(none)"
ROADS = {
    "ehr-adt": ("ehr", "engine"),
    "billing-dft": ("engine", "billing"),
    "erp-journals": ("engine", "erp"),
    "claims-out": ("billing", "clearinghouse"),
    "claims-in": ("clearinghouse", "billing"),
}
Verdicts = dict[tuple[str, str, int], str]
"""(workflow, account, occurrence) -> state."""


def main() -> None:
    """Parse the command line, run, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--rate", type=float, default=60.0, help="discharges a day")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--moments", type=int, default=12, help="at how many moments to judge")
    parser.add_argument("--show", type=int, default=10, help="how many differences to print")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="caretrail-verdicts-"))
    try:
        figures = run(folder, options)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(figures))


def run(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Simulate, observe, evaluate, compare; returns the figures of the last line."""
    end = datetime(2026, 3, 30, 12, tzinfo=UTC)
    start = end - timedelta(days=options.days)
    recording, told = folder / "recording.jsonl", folder / "truth.jsonl"
    history.write(recording, told, options.seed, start, end, rate=options.rate)
    encounters = truth.load(told)
    site_key = SiteKey.create(folder / "site.key")
    definitions = [define(PACKS / f"{name}.yaml") for name in WORKFLOWS]
    with open_store(f"chdb://{folder / 'store'}") as store:
        store.migrate()
        for definition in definitions:
            activate(store, definition, end)
        spans = _observe(store, recording, site_key)
        began = time.perf_counter()
        Resolver(store).step(end)
        Evaluator(store).step(end)
        took = time.perf_counter() - began
        accounts = _accounts(encounters, Sealer(site_key))
        expected = _expected(encounters, definitions)
        matrix: Counter[tuple[str, str]] = Counter()
        shown = 0
        for moment in _moments(start, end, options.moments):
            wanted, found = _truth_at(expected, store, moment), _caretrail_at(store, accounts, moment)
            for key in sorted(wanted.keys() | found.keys()):
                pair = wanted.get(key, NOTHING), found.get(key, NOTHING)
                matrix[pair] += 1
                if pair[0] != pair[1] and shown < options.show:
                    shown += 1
                    record = encounters.get(key[1], {})
                    why = f"{record.get('fault', 'no such encounter')} {record.get('traits', '')}"
                    print(f"{moment:%Y-%m-%d %H:%M} {key}: truth {pair[0]}, Caretrail {pair[1]}; {why}")
        late = end + timedelta(days=30)
        joined = _truth_at(_expected(encounters, definitions, by_account=True), store, late)
        apart = _truth_at(expected, store, late)
    _print(matrix)
    return {
        "journeys": len(encounters),
        "off_diagonal": sum(count for (one, other), count in matrix.items() if one != other),
        "verdicts": sum(matrix.values()),
        "differs_by_account": sum(joined.get(key) != apart.get(key) for key in joined | apart),
        "moments": options.moments,
        "spans": spans,
        "evaluated_s": round(took, 2),
        "seed": options.seed,
    }


class _Bodies:
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


def _observe(store: Store, recording: Path, site_key: SiteKey) -> int:
    sink = _Bodies(store)
    observer = Observer(list(_interfaces()), site_key, sink)
    with recording.open() as lines:
        for line in lines:
            observer.observe_record(json.loads(line))
    sink.flush()
    return sink.spans


def _interfaces() -> Iterator[MllpInterface | HttpInterface | FolderInterface]:
    """The demo's taps; nobody connects to their addresses here."""
    nowhere = "127.0.0.1:1"
    for name, (source, destination) in ROADS.items():
        road: dict[str, Any] = {
            "name": name,
            "source": source,
            "destination": destination,
            "facility": AUTHORITY,
            "authority": AUTHORITY,
        }
        if name.startswith("claims"):
            yield FolderInterface(kind="folder", path="nowhere", **road)
        elif name == "erp-journals":
            yield HttpInterface(
                kind="http",
                listen=nowhere,
                upstream=f"http://{nowhere}",
                routes=("POST /journals", "POST /purchase-orders", "POST /inventory/issues"),
                keys=(JsonKey(kind="account", pointer="/reference"),),
                measures={"amount": "/total"},
                reason="/code",
                **road,
            )
        else:
            yield MllpInterface(
                kind="mllp", listen=nowhere, upstream=nowhere, attributes={"patient_class": "PV1-2"}, **road
            )


def _accounts(encounters: dict[str, dict[str, Any]], sealer: Sealer) -> dict[str, str]:
    """Token of every number an encounter may run under -> its account."""
    found = {}
    for account, record in encounters.items():
        visit = record["visit"]
        for kind, value in (("visit", visit), ("visit", f"X{visit[:0:-1]}"), ("account", account)):
            key = business_key(kind, value, None, AUTHORITY)
            assert key is not None
            found[sealer.token(key)] = account
    return found


def _expected(
    encounters: dict[str, dict[str, Any]], definitions: list[Definition], by_account: bool = False
) -> list[tuple[str, Facts]]:
    found = []
    for account, record in encounters.items():
        for hops in [record["hops"]] if by_account else _visits(record):
            seen = [_seen(record, hop) for hop in hops]
            for definition in definitions:
                for facts in judge(definition.workflow, account, seen, definition.calendar):
                    found.append((account, facts))
    return found


def _visits(record: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """The hops of an encounter by the visit they name: usually all the same one."""
    wrong = {
        "wrong_visit": {("ehr-adt", "ADT^A03"), ("billing-dft", "ADT^A03"), ("billing-dft", "DFT^P03")},
        "wrong_visit_on_charge": {("billing-dft", "DFT^P03")},
    }
    misnamed = set().union(*(wrong.get(trait, set()) for trait in record["traits"]))
    named: dict[bool, list[dict[str, Any]]] = {False: [], True: []}
    last = False
    for hop in sorted(record["hops"], key=lambda hop: int(hop["at"])):
        if hop["interface"] == "ehr-adt":
            last = (hop["interface"], hop["message"]) in misnamed
    for hop in record["hops"]:
        names_one = hop["interface"] in ("ehr-adt", "billing-dft")
        named[(hop["interface"], hop["message"]) in misnamed if names_one else last].append(hop)
    return list(named.values())


def _seen(record: dict[str, Any], hop: dict[str, Any]) -> Seen:
    source, destination = ROADS[hop["interface"]]
    over_http = hop["message"].startswith("POST ")
    return Seen(
        sent=_moment(hop["at"]),
        acknowledged=_moment(hop["end"]),
        interface=hop["interface"],
        source=source,
        destination=destination,
        message="" if over_http else hop["message"],
        operation=hop["message"] if over_http else "",
        outcome=hop["outcome"],
        ack_code=hop["code"],
        reason=hop["reason"],
        facility=record["facility"],
        tags={"patient_class": record["patient_class"]},
    )


def _moment(nanoseconds: int) -> datetime:
    """Whole milliseconds, as checkpoints have them."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=nanoseconds // 1_000_000)


def _moments(start: datetime, end: datetime, count: int) -> list[datetime]:
    """Spread over the history at odd minutes; the last two are its end and when every deadline has passed."""
    inside = [start + (end - start) * n / count + timedelta(minutes=7 * n) for n in range(1, count - 1)]
    whole = [moment.replace(microsecond=moment.microsecond // 1000 * 1000) for moment in inside]
    return [*whole, end, end + timedelta(days=30)][-count:]


def _truth_at(expected: list[tuple[str, Facts]], store: Store, moment: datetime) -> Verdicts:
    # "At risk" is a matter of learned durations, not of truth: the model is told what was learned.
    risks = Judge.of(store).risks
    return {
        (facts.workflow, account, facts.occurrence): facts.state(moment, risks.get(facts.workflow, ()))
        for account, facts in expected
        if facts.started_at <= moment < NEVER
    }


def _caretrail_at(store: Store, accounts: dict[str, str], moment: datetime) -> Verdicts:
    rows = store.query(judged(), {"now": moment}).rows
    return {(row[0], accounts.get(row[2], row[2]), row[3]): row[6] for row in rows}


def _print(matrix: Counter[tuple[str, str]]) -> None:
    states = sorted({state for pair in matrix for state in pair})
    width = max(len(state) for state in [*states, "truth \\ Caretrail"]) + 2
    print("truth \\ Caretrail".ljust(width) + "".join(state.rjust(16) for state in states))
    for wanted in states:
        print(wanted.ljust(width) + "".join(str(matrix[wanted, found]).rjust(16) for found in states))


if __name__ == "__main__":
    main()
