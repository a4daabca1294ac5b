"""What an MLLP tap costs, against no tap and against a plain byte-copy proxy in the same run.

Run `python -m benchmarks.tap` (`--quick` for a look, `--soak 300` for a long one). Throughput and added
latency at 1, 8 and 200 connections, the cost of each feature as a row of its own, and an estate of 1,500
connections whose memory is watched. Every end is a process (`benchmarks.tap_ends`), the proxy under test has
one core to itself where the machine has several. The last line is one JSON object. Never part of the tests.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from benchmarks.tap_ends import FEATURES, INTERFACES, MESSAGE_BYTES

CONNECTIONS = 8
OTHERS = (1, 200)
PACED_PER_SECOND = 2000
ESTATE = 1500
TARGETS = ("none", "copy", "tap")

Row = dict[str, float]


@contextlib.contextmanager
def process(
    role: str, *arguments: object, core: int | None = None
) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A process of this benchmark, and the ports it listens on."""
    pin = (lambda: os.sched_setaffinity(0, {core})) if core is not None else None
    started = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.tap_ends", role, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=pin,
    )
    try:
        yield started, [int(port) for port in cast(IO[str], started.stdout).readline().split()]
    finally:
        started.terminate()
        started.wait()
        cast(IO[str], started.stdout).close()


def run(role: str, *arguments: object, core: int | None) -> Row:
    """Run a role that ends by itself; what it found."""
    pin = (lambda: os.sched_setaffinity(0, {core})) if core is not None else None
    command = [sys.executable, "-m", "benchmarks.tap_ends", role, *map(str, arguments)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, preexec_fn=pin, check=True)
    return cast(Row, json.loads(ended.stdout))


def resident_mb(pid: int) -> float:
    """Resident memory of a process."""
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS"))


def processor_us(pid: int) -> float:
    """Processor time of all threads of a process, which other load hardly changes; 0 if unknown."""
    total = 0.0
    for thread in Path(f"/proc/{pid}/task").glob("*"):
        with contextlib.suppress(OSError):
            total += int((thread / "schedstat").read_text().split()[0]) / 1e3
    return total


class Bench:
    """The processes that every measurement shares."""

    def __init__(self, stack: contextlib.ExitStack, seconds: float) -> None:
        cores = sorted(os.sched_getaffinity(0))
        self.proxy_core: int | None = cores[0] if len(cores) > 1 else None
        self.other: int | None = cores[1] if len(cores) > 1 else None
        self.seconds = seconds
        self._stack = stack
        receiving, (self.receiver,) = stack.enter_context(process("receiver", core=self.other))
        _, (self.collector,) = stack.enter_context(process("collector", core=self.other))
        copying, (copy,) = stack.enter_context(process("copy", self.receiver, core=self.proxy_core))
        (port,), tapping = self.tap("default")
        self.targets = {
            "none": (self.receiver, receiving),
            "copy": (copy, copying),
            "tap": (port, tapping),
        }

    def tap(self, feature: str, interfaces: int = 1) -> tuple[list[int], subprocess.Popen[str]]:
        """A tap process and the ports it listens on."""
        spool = self._stack.enter_context(tempfile.TemporaryDirectory())
        arguments = (self.receiver, self.collector, spool, feature, interfaces)
        started, ports = self._stack.enter_context(process("tap", *arguments, core=self.proxy_core))
        return ports, started

    def closed(self, port: int, pid: int, connections: int) -> Row:
        """As fast as it goes; with the processor time per message."""
        before = processor_us(pid)
        found = run("sender", port, self.seconds, 0, connections, core=self.other)
        return found | {"us": (processor_us(pid) - before) / found["count"]}

    def paced(self, port: int, connections: int) -> Row:
        """So many a second: what latency is."""
        return run("sender", port, self.seconds, PACED_PER_SECOND, connections, core=self.other)


def throughput(bench: Bench, rounds: int) -> tuple[Row, Row]:
    """The table of targets and connections; figures for JSON, and the messages sent through the tap."""
    print(
        f"\n{'connections':12}{'':6}{'messages/s':>12}{'µs each':>9}"
        f"{'p50 ms':>9}{'p99 ms':>9}{'p99.9 ms':>10}   at {PACED_PER_SECOND}/s"
    )
    figures: Row = {}
    sent = 0.0
    for connections in (CONNECTIONS, *OTHERS):
        found: dict[str, list[tuple[Row, Row]]] = {name: [] for name in TARGETS}
        for _ in range(rounds if connections == CONNECTIONS else 1):
            for name, (port, started) in bench.targets.items():
                pair = bench.closed(port, started.pid, connections), bench.paced(port, connections)
                found[name].append(pair)
                sent += sum(row["count"] for row in pair) if name == "tap" else 0
        best = {name: _best(pairs) for name, pairs in found.items()}
        for name, row in best.items():
            print(
                f"{connections:<12}{name:6}{row['per_s']:12.0f}{row['us']:9.1f}"
                f"{row['p50_ms']:9.3f}{row['p99_ms']:9.3f}{row['p999_ms']:10.3f}"
            )
        figures |= _figures(best, "" if connections == CONNECTIONS else f"c{connections}_")
        if connections == CONNECTIONS:
            ratios = [c[0]["per_s"] / t[0]["per_s"] for c, t in zip(found["copy"], found["tap"], strict=True)]
            figures["median_time_ratio_to_copy"] = round(statistics.median(ratios), 3)
    return figures, {"messages": sent}


def _best(pairs: list[tuple[Row, Row]]) -> Row:
    return {
        "per_s": max(closed["per_s"] for closed, _ in pairs),
        "us": min(closed["us"] for closed, _ in pairs),
        **{key: min(paced[key] for _, paced in pairs) for key in ("p50_ms", "p99_ms", "p999_ms")},
    }


def _figures(best: dict[str, Row], prefix: str) -> Row:
    none, copy, tap = (best[name] for name in TARGETS)
    found = {
        "messages_per_s": round(tap["per_s"]),
        "copy_messages_per_s": round(copy["per_s"]),
        "direct_messages_per_s": round(none["per_s"]),
        "time_ratio_to_copy": round(copy["per_s"] / tap["per_s"], 3),
        "cpu_us_per_message": round(tap["us"], 1),
        "copy_cpu_us_per_message": round(copy["us"], 1),
    }
    for key in ("p50_ms", "p99_ms", "p999_ms"):
        found[f"added_{key}"] = round(tap[key] - none[key], 3)
        found[f"copy_added_{key}"] = round(copy[key] - none[key], 3)
    return {prefix + key: value for key, value in found.items()}


def features(bench: Bench, rounds: int) -> Row:
    """Processor time of each feature: alternating rounds, the least of each."""
    taps = {name: bench.tap(name) for name in FEATURES}
    least = dict.fromkeys(FEATURES, float("inf"))
    for _ in range(rounds):
        for name, ((port,), started) in taps.items():
            least[name] = min(least[name], bench.closed(port, started.pid, CONNECTIONS)["us"])
    print(f"\n{'feature':18}{'µs each':>9}{'more':>9}   than")
    figures: Row = {}
    previous = ""
    for name in FEATURES:
        against = previous if name in ("keys, unsealed", "sealing", "sent again", "default") else "default"
        more = least[name] - least[against] if against and name != "reading only" else 0.0
        than = {"default": "without shapes"}.get(name, against if name != "reading only" else "")
        print(f"{name:18}{least[name]:9.1f}{more:9.1f}   {than}")
        figures["feature_" + name.replace(", ", "_").replace(" ", "_") + "_us"] = round(least[name], 1)
        previous = name
    for _, started in taps.values():
        started.terminate()
    return figures


def soaked(bench: Bench, seconds: float) -> Row:
    """An estate of 1,500 connections in compressed time: memory after a fifth of it, and at the end."""
    ports, started = bench.tap("default", INTERFACES)
    joined = ",".join(map(str, ports))
    empty = resident_mb(started.pid)
    first = run("soak", joined, seconds / 5, ESTATE, core=bench.other)
    warm = resident_mb(started.pid)
    rest = run("soak", joined, seconds * 4 / 5, ESTATE, core=bench.other)
    time.sleep(1.0)
    end = resident_mb(started.pid)
    started.terminate()
    counters = json.loads(cast(IO[str], started.stdout).read())
    sent = first["sent"] + rest["sent"]
    made = first["connections"] + rest["connections"]
    print(
        f"\n{ESTATE} connections at a time, {made:.0f} in all, over {INTERFACES} interfaces: "
        f"{sent:.0f} messages in {seconds:g} s; {empty:.1f} MB empty, {warm:.1f} MB after a fifth, "
        f"{end:.1f} MB at the end"
    )
    unseen = sum(one["unseen"] for name, one in counters.items() if name.startswith("ehr"))
    return {
        "soak_messages": sent,
        "soak_connections": ESTATE,
        "soak_empty_mb": round(empty, 1),
        "soak_warm_mb": round(warm, 1),
        "soak_end_mb": round(end, 1),
        "soak_unseen": unseen,
    }


def main(seconds: float, rounds: int, soak_seconds: float) -> Row:
    """Print the tables; the figures."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    cores = len(os.sched_getaffinity(0))
    print(f"{platform.machine()}, {cores} cores, Python {platform.python_version()}, {_model()}")
    print(f"{MESSAGE_BYTES}-byte ADT^A03, best of {rounds} rounds of {seconds:g} s")
    with contextlib.ExitStack() as stack:
        bench = Bench(stack, seconds)
        figures, totals = throughput(bench, rounds)
        _, tapped = bench.targets["tap"]
        resident = resident_mb(tapped.pid)
        tapped.terminate()
        taken = json.loads(cast(IO[str], tapped.stdout).read())["sender"]["sent"]
        through = f"{totals['messages']:.0f} messages through the tap"
        print(f"{through}, {taken} spans taken, resident {resident:.1f} MB")
        figures |= {"resident_mb": round(resident, 1), "spans_taken": taken} | totals
        figures |= features(bench, max(1, rounds - 1))
        if soak_seconds:
            figures |= soaked(bench, soak_seconds)
    return figures


def _model() -> str:
    with contextlib.suppress(OSError, StopIteration), open("/proc/cpuinfo") as file:
        return next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    return "unknown processor"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of one measurement")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each kind")
    parser.add_argument("--soak", type=float, default=20.0, help="length of the estate's run; 0 for none")
    parser.add_argument("--quick", action="store_true", help="one short round of everything")
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.rounds, options.soak = 0.7, 1, 5.0
    print(json.dumps(main(options.seconds, options.rounds, options.soak)))
