"""How long it takes to score a month of history with a draft, beside how long it takes to judge it anew.

    python -m benchmarks.backtest --journeys 260000

Fills an embedded store with a month of discharges, judges them, and scores them with three drafts: one that
changes nothing, one with a longer deadline, one with a step less, which changes every verdict's steps. The
other side of the same run is what activating the draft with `--rescore` costs: its checkpoints over all
spans and the judgement of every journey. Prints the machine and a table; processor time is of all threads.
The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.history import BYTES_A_SPAN, DAYS, HOPS, NOW, WORKFLOW, fill
from benchmarks.machine import add_folder_options, machine, resident_mb, said, workplace
from slo.workflows import Evaluator, activate
from slo.workflows.backtest.score import backtest
from slo.workflows.compile import BEGINNING
from slo.workflows.load import define_text
from tracing.store import open_store

LONGER = WORKFLOW.replace("within: 15m", "within: 45m")
LESS = "\n".join(line for line in WORKFLOW.splitlines() if "claim submitted" not in line)


def main() -> None:
    """Parse the command line, run, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--journeys", type=int, default=260_000)
    add_folder_options(parser)
    options = parser.parse_args()
    with workplace(options, "backtest", round(options.journeys * HOPS * BYTES_A_SPAN)) as (folder, empty):
        print(json.dumps(run(options.journeys, folder, fill_it=empty)))


def run(journeys: int, folder: Path, *, fill_it: bool) -> dict[str, Any]:
    """Fill, measure, print the table; returns the figures of the last line."""
    ran_on = machine()
    print(said(ran_on))
    found: dict[str, dict[str, float]] = {}
    with open_store(f"chdb://{folder / 'store'}") as store:
        store.migrate()
        if fill_it:
            took, _ = _timed(lambda: fill(store, journeys))
            print(f"{journeys:,} journeys over {DAYS} days, filled and judged in {took:.0f} s", flush=True)
        drafts = {"the same text": WORKFLOW, "a longer deadline": LONGER, "a step less": LESS}
        for name, text in drafts.items():
            seconds, spent = _timed(partial(_scored, store, text))
            found[f"backtest, {name}"] = _row(seconds, spent, journeys)
            _print(f"backtest, {name}", found[f"backtest, {name}"])

        def anew() -> None:
            later = NOW + timedelta(minutes=1)
            activate(store, define_text(LONGER, "discharges"), later, valid_from=BEGINNING, supersede=True)
            Evaluator(store).step(later)

        seconds, spent = _timed(anew)
        found["activated and judged anew"] = _row(seconds, spent, journeys)
        _print("activated and judged anew", found["activated and judged anew"])
    return {"machine": ran_on, "journeys": journeys, "measured": found}


def _scored(store: Any, text: str) -> None:
    result = backtest(store, define_text(text, "draft"), NOW, days=DAYS)
    print(f"  {result.compared:,} compared, {result.changed:,} changed", flush=True)


def _row(seconds: float, spent: float, journeys: int) -> dict[str, float]:
    return {
        "seconds": round(seconds, 1),
        "processor_s": round(spent, 1),
        "processor_us_a_journey": round(spent / journeys * 1e6, 1),
        "resident_mb": round(resident_mb()),
    }


def _print(name: str, row: dict[str, float]) -> None:
    print(
        f"{name:30}{row['seconds']:8.1f} s {row['processor_s']:8.1f} s processor "
        f"{row['processor_us_a_journey']:8.1f} us a journey {row['resident_mb']:6.0f} MB",
        flush=True,
    )


def _timed(ask: Callable[[], Any]) -> tuple[float, float]:
    """Seconds, and seconds of processor time."""
    began, spent = time.perf_counter(), time.process_time()
    ask()
    return time.perf_counter() - began, time.process_time() - spent


if __name__ == "__main__":
    main()
