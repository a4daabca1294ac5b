"""How long questions about weeks of history take: reconciliation, backtest, discovery, conformance.

    python -m benchmarks.history --spans 1000000

Fills an embedded store with a month of discharges, judges them, and asks each question once, as
`caretrail workflow` does. Prints the machine and a table with the memory of the process after each; processor
time is of all threads, and far below the time where others kept the machine busy. The last line is one JSON
object.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.machine import add_folder_options, machine, resident_mb, said, workplace
from slo.workflows import Evaluator, activate
from slo.workflows.backtest.score import backtest
from slo.workflows.discover.conform import conform
from slo.workflows.discover.propose import discover
from slo.workflows.load import define_text
from slo.workflows.reconcile.report import reconcile
from tracing.store import Store, load_sql, open_store

NOW = datetime(2026, 11, 1, tzinfo=UTC)
DAYS = 30
HOPS = 3.8
BYTES_A_SPAN = 600
_AT_ONCE = 100_000
WORKFLOW = """\
apiVersion: caretrail/v1
kind: Workflow
metadata: {name: discharges, criticality: high}
spec:
  journey: visit
  start: {interface: ehr-adt, message: ADT^A03}
  steps:
    - {name: billing ready, match: {destination: billing, message: DFT^P03}, within: 15m}
    - {name: ERP posted, match: {destination: erp}, within: 60m}
    - {name: claim submitted, match: {message: 837}, within: 3 days, when: {patient_class: [I, O]}}
  reconcile:
    - {measure: amount, steps: [billing ready, ERP posted], by: [day, facility]}
"""


def main() -> None:
    """Parse the command line, run, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--spans", type=int, default=1_000_000)
    add_folder_options(parser)
    options = parser.parse_args()
    with workplace(options, "history", options.spans * BYTES_A_SPAN) as (folder, empty):
        print(json.dumps(run(options.spans, folder, empty=empty)))


def run(spans: int, folder: Path, *, empty: bool) -> dict[str, Any]:
    """Fill, measure, print the table; returns the figures of the last line."""
    ran_on = machine()
    print(said(ran_on))
    journeys = round(spans / HOPS)
    with open_store(f"chdb://{folder / 'store'}") as store:
        store.migrate()
        if empty:
            took = _timed(lambda: fill(store, journeys))
            print(f"{journeys:,} journeys over {DAYS} days, filled and judged in {took:.0f} s")
        draft = define_text(WORKFLOW.replace("within: 15m", "within: 45m"), "draft")
        questions: dict[str, Callable[[], Any]] = {
            "reconcile, 7 days": lambda: reconcile(store, "discharges", NOW, days=7),
            "reconcile, 30 days": lambda: reconcile(store, "discharges", NOW, days=30),
            "discover, 30 days": lambda: discover(store, "visit", NOW, days=DAYS, start="ADT^A03@ehr-adt"),
            "conform, 30 days": lambda: conform(store, "discharges", NOW, days=DAYS),
            "backtest, 30 days": lambda: backtest(store, draft, NOW, days=DAYS),
        }
        before, found = resident_mb(), {}
        print(f"memory before: {before:.0f} MB")
        for name, ask in questions.items():
            spent = time.process_time()
            took = _timed(ask)
            spent = time.process_time() - spent
            found[name] = {
                "seconds": round(took, 1),
                "processor_s": round(spent, 1),
                "resident_mb": round(resident_mb()),
            }
            print(f"{name:24}{took:8.1f} s {spent:8.1f} s processor {resident_mb():6.0f} MB", flush=True)
    return {"machine": ran_on, "journeys": journeys, "questions": found}


def fill(store: Store, journeys: int) -> None:
    """Store a month of discharges and judge them."""
    sql = load_sql("benchmarks", "history_spans.sql")
    common = {"begin": NOW - timedelta(days=DAYS), "seconds": DAYS * 86_400, "journeys": journeys}
    for begin in range(0, journeys, _AT_ONCE):
        store.command(sql, {**common, "from": begin, "count": min(_AT_ONCE, journeys - begin)})
    activate(store, define_text(WORKFLOW, "discharges"), NOW)
    Evaluator(store).step(NOW)


def _timed(ask: Callable[[], Any]) -> float:
    began = time.perf_counter()
    ask()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
