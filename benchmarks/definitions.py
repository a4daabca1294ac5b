"""What many active workflows cost each insert, in one view for all of them and in a view for each.

    python -m benchmarks.definitions --workflows 50

Four stores of one embedded engine get the same segments in turn: one workflow; N in one view; N in a view
each; N in one view that all listen to the same messages. The N are the shipped discharge workflow and others
of its kind for interfaces of their own, as the workflows of a hospital are. Prints the machine and a table;
the last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import ingest_bodies
from benchmarks.ingest_roles import bodies
from benchmarks.machine import add_folder_options, machine, said, workplace
from slo.workflows import activate_all, checkpoints
from slo.workflows.activate import in_force
from tracing.store import Store, open_store
from tracing.store.statements import render

PACK = Path(__file__).parents[1] / "workflows" / "discharge-to-cash.yaml"
_WORDS = ("ehr-adt", "engine", "billing", "erp", "clearinghouse")


def main() -> None:
    """Parse the command line, run, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workflows", type=int, default=50)
    parser.add_argument("--segments", type=int, default=7, help="timed inserts into each store")
    parser.add_argument("--segment-spans", type=int, default=80_000)
    add_folder_options(parser)
    options = parser.parse_args()
    with workplace(options, "definitions", 4 << 30) as (folder, _):
        print(json.dumps(run(options, folder)))


def run(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Insert, print the table; returns the figures of the last line."""
    ran_on = machine()
    print(said(ran_on))
    day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    wanted = options.segment_spans * (options.segments + 1)
    ingest_bodies.write(folder / "bodies", wanted, 2000, int(day.timestamp()) * 10**9)
    setups = {
        "one": [_workflow(0)],
        "one_view": [_workflow(n) for n in range(options.workflows)],
        "views_each": [_workflow(n) for n in range(options.workflows)],
        "all_the_same": [_workflow(0, f"-{n}") for n in range(options.workflows)],
    }
    stores = {name: open_store(f"chdb://{folder / 'store'}?database={name}") for name in setups}
    try:
        for name, texts in setups.items():
            stores[name].migrate()
            activate_all(stores[name], texts, day)
        _view_each(stores["views_each"], day)
        times = _times(options, folder, stores)
        rows = {
            name: store.query("SELECT count() FROM checkpoints").rows[0][0] for name, store in stores.items()
        }
    finally:
        for store in stores.values():
            store.close()
    return _report(options, ran_on, times, rows)


def _times(options: argparse.Namespace, folder: Path, stores: dict[str, Store]) -> dict[str, list[float]]:
    """Microseconds a span of each insert; the first segment is for warming up."""
    times: dict[str, list[float]] = {name: [] for name in stores}
    segment: list[bytes] = []
    spans = number = 0
    for body, count in bodies(folder):
        segment.append(bytes(body))
        spans += count
        if spans < options.segment_spans:
            continue
        for name, store in stores.items():
            began = time.perf_counter()
            store.insert_otlp(b"".join(segment), f"{name}-{number}")
            if number:
                times[name].append((time.perf_counter() - began) / spans * 1e6)
        segment, spans, number = [], 0, number + 1
    return times


def _workflow(number: int, suffix: str = "") -> str:
    """The shipped workflow, or one of its kind: other interfaces and systems, the same messages."""
    text = PACK.read_text()
    text = text.replace("name: discharge-to-cash", f"name: discharge-to-cash{suffix or f'-{number}'}", 1)
    for word in _WORDS if number else ():
        text = text.replace(f": {word},", f": {word}-{number},").replace(
            f": {word}}}", f": {word}-{number}}}"
        )
    return text


def _view_each(store: Store, now: datetime) -> None:
    versions = in_force(store, now)
    store.command(f"DROP VIEW {checkpoints.view_name(versions)}")
    for one in versions:
        store.command(render(checkpoints.view_ddl([one]), None))


def _report(
    options: argparse.Namespace,
    ran_on: dict[str, Any],
    times: dict[str, list[float]],
    rows: dict[str, int],
) -> dict[str, Any]:
    n = options.workflows
    labels = {
        "one": "one workflow",
        "one_view": f"{n} workflows, one view",
        "views_each": f"{n} workflows, a view each",
        "all_the_same": f"{n} workflows of the same messages, one view",
    }
    # Of each segment against the same segment with one workflow: what the machine did meanwhile falls out.
    losses = {
        name: statistics.median(1 - alone / own for alone, own in zip(times["one"], its, strict=True))
        for name, its in times.items()
    }
    print(f"{'':46}{'us a span':>12}{'spans/s':>12}{'loss':>8}{'checkpoints':>13}")
    for name, label in labels.items():
        middle = statistics.median(times[name])
        print(f"{label:46}{middle:>12.1f}{1e6 / middle:>12,.0f}{losses[name]:>8.0%}{rows[name]:>13,}")
    return {
        "workflows": n,
        "us_per_span": {name: round(statistics.median(its), 2) for name, its in times.items()},
        "loss": {name: round(loss, 3) for name, loss in losses.items()},
        "checkpoints": rows,
        "segments": options.segments,
        "segment_spans": options.segment_spans,
        "machine": ran_on,
    }


if __name__ == "__main__":
    main()
