"""How many spans a second go through receiver, log and all views into the embedded store, and against what.

`python -m benchmarks.ingest` builds bodies of the tap's shape, then runs twice on the same bodies, each time
in fresh processes on a fresh store: posting them to the receiver, and decoding and inserting them in Python.
Prints the machine and a table; the last line is one JSON object with every figure.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import ingest_bodies
from benchmarks.machine import machine, said
from collector.wal import sizes

ROLES = ("core", "send", "python")


def main() -> None:
    """Parse the command line and run, or play one of the roles of a run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--spans", type=int, default=1_500_000, help="spans through the receiver")
    parser.add_argument("--python-spans", type=int, default=300_000, help="of which decoded in Python too")
    parser.add_argument("--batch", type=int, default=2000, help="spans a post")
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2, help="inserting threads, in both ways")
    parser.add_argument(
        "--segment-mib",
        type=int,
        default=sizes.segment_bytes(sizes.memory_bytes()) >> 20,
        help="size at which a segment is sealed (default: as the core chooses on this machine)",
    )
    parser.add_argument("--gzip", action="store_true", help="post compressed bodies")
    parser.add_argument("--workflows", type=int, default=4, help="active workflows, a view each")
    parser.add_argument(
        "--folder", type=Path, default=None, help="where data goes (default: a temporary one)"
    )
    parser.add_argument("--role", choices=ROLES, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.role:
        from benchmarks import ingest_roles

        getattr(ingest_roles, options.role)(options)
        return
    folder = Path(tempfile.mkdtemp(prefix="caretrail-ingest-", dir=options.folder))
    try:
        _run(options, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(options: argparse.Namespace, folder: Path) -> None:
    ran_on = machine()
    print(said(ran_on))
    began = time.perf_counter()
    day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    spans, size = ingest_bodies.write(
        folder / "bodies", options.spans, options.batch, int(day.timestamp()) * 1_000_000_000
    )
    print(
        f"{spans:,} spans in posts of {options.batch:,}, {size / spans:.0f} bytes a span as OTLP "
        f"(made in {time.perf_counter() - began:.0f} s)"
    )
    core = _role("core", options, folder)
    assert core.stdout is not None
    line = core.stdout.readline()
    if not line:
        raise SystemExit("the core did not start")
    port = json.loads(line)["port"]
    sender = _role("send", options, folder, port=port)
    sent = _answer(sender)
    stored = _answer(core)
    python = _answer(_role("python", options, folder))
    for part in ("core", "python"):
        shutil.rmtree(folder / part, ignore_errors=True)
    _report(ran_on, options, spans, size, sent, stored, python)


def _role(name: str, options: argparse.Namespace, folder: Path, *, port: int = 0) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.ingest", "--role", name, "--folder", str(folder)]
    for option in ("spans", "python_spans", "batch", "connections", "threads", "segment_mib", "workflows"):
        command += [f"--{option.replace('_', '-')}", str(getattr(options, option))]
    if options.gzip:
        command.append("--gzip")
    return subprocess.Popen([*command, "--port", str(port)], stdout=subprocess.PIPE, text=True)


def _answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The JSON object on the last line of what a role printed."""
    text, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"a part of the benchmark failed with {process.returncode}")
    answer: dict[str, Any] = json.loads(text.strip().splitlines()[-1])
    return answer


def _report(
    ran_on: dict[str, Any],
    options: argparse.Namespace,
    spans: int,
    size: int,
    sent: dict[str, Any],
    stored: dict[str, Any],
    python: dict[str, Any],
) -> None:
    if stored["rows"] != spans:
        raise SystemExit(f"{spans} spans were sent, {stored['rows']} are stored")
    if python["rows"] != python["spans"]:
        raise SystemExit(f"{python['spans']} spans were inserted, {python['rows']} are stored")
    seconds = stored["stored_at"] - sent["first_at"]
    rate = spans / seconds
    reference = python["spans"] / python["seconds"]
    rows = [
        ("", "receiver, log, views", "Python decode + insert"),
        ("spans", f"{spans:,}", f"{python['spans']:,}"),
        ("spans/s into the store", f"{rate:,.0f}", f"{reference:,.0f}"),
        ("spans/s acknowledged", f"{spans / sent['seconds']:,.0f}", ""),
        (
            "processor time a span",
            f"{stored['cpu_seconds'] / spans * 1e6:.1f} us",
            f"{python['cpu_seconds'] / python['spans'] * 1e6:.1f} us",
        ),
        ("post, p50 / p99", f"{sent['post_p50_ms']:.0f} / {sent['post_p99_ms']:.0f} ms", ""),
        ("inserts", f"{stored['segments']}", f"{python['inserts']}"),
        ("bytes a span: spans table", f"{stored['spans_bytes'] / spans:.1f}", ""),
        ("bytes a span: everything", f"{stored['all_bytes'] / spans:.1f}", ""),
        ("resident", f"{stored['resident_mb']:.0f} MB", f"{python['resident_mb']:.0f} MB"),
    ]
    for label, ours, theirs in rows:
        print(f"{label:<28}{ours:>24}{theirs:>26}")
    print(f"ratio {rate / reference:.2f} with {options.threads} inserting threads in both")
    figures = {
        "spans_per_s": round(rate),
        "ratio": round(rate / reference, 2),
        "python_spans_per_s": round(reference),
        "acknowledged_spans_per_s": round(spans / sent["seconds"]),
        "spans": spans,
        "otlp_bytes_per_span": round(size / spans, 1),
        "bytes_per_span": round(stored["spans_bytes"] / spans, 1),
        "all_bytes_per_span": round(stored["all_bytes"] / spans, 1),
        "cpu_us_per_span": round(stored["cpu_seconds"] / spans * 1e6, 2),
        "sender_cpu_us_per_span": round(sent["cpu_seconds"] / spans * 1e6, 2),
        "post_p50_ms": round(sent["post_p50_ms"], 1),
        "post_p99_ms": round(sent["post_p99_ms"], 1),
        "repeated_posts": sent["again"],
        "checkpoints": stored["checkpoints"],
        "batch": options.batch,
        "threads": options.threads,
        "workflows": options.workflows,
        "segment_mib": options.segment_mib,
        "gzip": options.gzip,
        "resident_mb": round(stored["resident_mb"]),
        "machine": ran_on,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
