"""What an HTTP tap costs, against no tap and against a plain byte-copy proxy in the same run.

Run `python -m benchmarks.tap_http`. Throughput and added latency at 1, 8 and 200 connections with keep-alive,
and the cost of each feature as a row of its own. Every end is a process; the proxy under test has one core to
itself where the machine has several. The last line is one JSON object. Never part of the tests.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import IO, Any, cast

from benchmarks.tap import processor_us, resident_mb
from benchmarks.tap_ends import Collector, CopyDown, Sender, serve

CONNECTIONS = (8, 1, 200)
PACED_PER_SECOND = 1500
BODY_BYTES = 1400
REQUESTS = 2000
TARGETS = ("none", "copy", "tap")
ANSWER = b'{"id":"J0000001","ok":1}'
RESPONSE = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
    len(ANSWER),
    ANSWER,
)
JSON_KEYS = [{"kind": "account", "pointer": "/reference"}, {"kind": "visit", "pointer": "/encounter"}]
KEYS: dict[str, Any] = {
    "routes": ["POST /journals", "POST /journals/{id}/lines"],
    "keys": JSON_KEYS,
    "measures": {"amount": "/total"},
    "reason": "/code",
}
FEATURES: dict[str, tuple[str, dict[str, Any]]] = {
    "watching": ("json", {"routes": KEYS["routes"]}),
    "keys": ("json", KEYS),
    "request id": ("json", KEYS | {"headers": ["X-Request-Id"]}),
    "jmespath": ("json", KEYS | {"keys": [{"kind": "account", "jmespath": "reference"}]}),
    "answer": ("json", KEYS | {"keys": [*JSON_KEYS, {"kind": "journal", "response": "/id"}]}),
    "context": ("json", KEYS | {"context": "start"}),
    "capture": ("json", KEYS | {"capture": {}}),
    "fhir": ("fhir", {"fhir": {"base": ""}}),
    "soap": ("soap", {"soap": True, "keys": [{"kind": "visit", "xpath": "//Journal/Encounter"}]}),
}

Row = dict[str, float]


def request(kind: str, number: int) -> bytes:
    """A request of about 1.5 KB; four of them share a visit."""
    visit = f"V{number // 4:07d}"
    path, media, extra = "/journals", "application/json", ""
    if kind == "fhir":
        path, media = "/Encounter", "application/fhir+json"
        resource = {
            "resourceType": "Encounter",
            "identifier": [{"system": "urn:oid:1.2.3", "value": visit}],
            "status": "finished",
            "class": {"code": "IMP"},
            "subject": {"reference": f"Patient/{number // 4}", "display": "x"},
            "account": [{"reference": f"Account/{number // 4}"}],
        }
        body = json.dumps(resource | {"text": {"status": "generated", "div": "x" * (BODY_BYTES - 300)}})
    elif kind == "soap":
        path, media, extra = "/ws", "text/xml", 'SOAPAction: "urn:erp/Post"\r\n'
        lines = "".join(f"<Line><Number>{n}</Number><Amount>1.5</Amount></Line>" for n in range(20))
        body = (
            '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><Journal>'
            f"<Encounter>{visit}</Encounter>{lines}</Journal></e:Body></e:Envelope>"
        )
    else:
        lines_of = [{"line": n, "account": "4000", "amount": 12.5, "text": "supplies"} for n in range(19)]
        body = json.dumps(
            {"reference": f"A{number // 4:07d}", "encounter": visit, "total": 182.5, "lines": lines_of}
        )
    head = (
        f"POST {path} HTTP/1.1\r\nHost: erp.example\r\nUser-Agent: engine/4\r\nAccept: application/json\r\n"
        f"Content-Type: {media}\r\n{extra}X-Request-Id: r{number:08d}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode()


class Server(asyncio.Protocol):
    """Answers every request with 201."""

    def __init__(self) -> None:
        self._rest = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._rest += data
        while (end := self._rest.find(b"\r\n\r\n")) >= 0:
            start = self._rest.find(b"Content-Length: ") + 16
            size = int(self._rest[start : self._rest.find(b"\r\n", start)])
            if len(self._rest) < end + 4 + size:
                return
            self._rest = self._rest[end + 4 + size :]
            self._transport.write(RESPONSE)


class Client(Sender):
    """One connection: sends a request, waits for its response, sends the next."""

    def data_received(self, data: bytes) -> None:
        self._rest += data
        if self._rest.endswith(ANSWER):
            super().data_received(b"\x1c\r")  # how the sender of messages knows the end of an answer


async def send(port: int, seconds: float, rate: float, connections: int, kind: str) -> Row:
    """Requests per second, and latencies in ms."""
    requests: Sequence[bytes] = [request(kind, number) for number in range(REQUESTS)]
    loop = asyncio.get_running_loop()
    interval = connections / rate if rate else 0.0
    start = time.perf_counter()
    clients: list[Client] = []
    for index in range(connections):
        make = partial(Client, requests, index, connections, start + seconds, interval)
        _, client = await loop.create_connection(make, "127.0.0.1", port)
        clients.append(client)
    await asyncio.gather(*(client.done for client in clients))
    elapsed = time.perf_counter() - start
    latencies = sorted(latency for client in clients for latency in client.latencies)
    return {
        "count": len(latencies),
        "per_s": len(latencies) / elapsed,
        "p50_ms": latencies[len(latencies) // 2] * 1e3,
        "p99_ms": latencies[len(latencies) * 99 // 100] * 1e3,
        "p999_ms": latencies[len(latencies) * 999 // 1000] * 1e3,
    }


async def tap(upstream: int, collector: int, spool: str, feature: str) -> None:
    """The tap as `run_taps` runs it."""
    from collector.taps.config import load_interfaces
    from collector.taps.run import Taps, tune
    from tracing.context import SiteKey

    interface = {
        "name": "erp",
        "kind": "http",
        "listen": "127.0.0.1:0",
        "upstream": f"http://127.0.0.1:{upstream}",
        "source": "engine",
        "destination": "erp",
        "authority": "NSH",
    } | FEATURES[feature][1]
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    taps = Taps(load_interfaces([interface]), SiteKey(b"b" * 32), f"http://127.0.0.1:{collector}", spool)
    await taps.start()
    tune()
    print(taps.addresses["erp"][1], flush=True)
    await stop.wait()
    await taps.stop()
    print(json.dumps(taps.counters()), flush=True)


@contextlib.contextmanager
def process(
    role: str, *arguments: object, core: int | None = None
) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process of this benchmark, and the port it listens on."""
    pin = (lambda: os.sched_setaffinity(0, {core})) if core is not None else None
    started = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.tap_http", role, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=pin,
    )
    try:
        yield started, int(cast(IO[str], started.stdout).readline())
    finally:
        started.terminate()
        started.wait()
        cast(IO[str], started.stdout).close()


class Bench:
    """The processes that every measurement shares."""

    def __init__(self, stack: contextlib.ExitStack, seconds: float) -> None:
        cores = sorted(os.sched_getaffinity(0))
        self.proxy: int | None = cores[0] if len(cores) > 1 else None
        self.other: int | None = cores[1] if len(cores) > 1 else None
        self.seconds = seconds
        self._stack = stack
        serving, self.server = stack.enter_context(process("server", core=self.other))
        _, self.collector = stack.enter_context(process("collector", core=self.other))
        copying, copy = stack.enter_context(process("copy", self.server, core=self.proxy))
        tapping, port = self.tap("keys")
        self.targets = {"none": (serving, self.server), "copy": (copying, copy), "tap": (tapping, port)}

    def tap(self, feature: str) -> tuple[subprocess.Popen[str], int]:
        """A tap process and its port."""
        spool = self._stack.enter_context(tempfile.TemporaryDirectory())
        arguments = (self.server, self.collector, spool, feature)
        return self._stack.enter_context(process("tap", *arguments, core=self.proxy))

    def measure(self, target: tuple[Any, int], rate: float, connections: int, kind: str = "json") -> Row:
        """One run of the client; `us` is the processor time per request in the process under test."""
        started, port = target
        core = self.other
        pin = (lambda: os.sched_setaffinity(0, {core})) if core is not None else None
        arguments = [str(one) for one in (port, self.seconds, rate, connections, kind)]
        before = processor_us(started.pid)
        command = [sys.executable, "-m", "benchmarks.tap_http", "client", *arguments]
        ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, preexec_fn=pin, check=True)
        found = cast(Row, json.loads(ended.stdout))
        return found | {"us": (processor_us(started.pid) - before) / found["count"]}


def throughput(bench: Bench, rounds: int) -> Row:
    """The table of targets and connections; its figures."""
    print(
        f"\n{'connections':12}{'':6}{'requests/s':>12}{'µs each':>9}"
        f"{'p50 ms':>9}{'p99 ms':>9}{'p99.9 ms':>10}   at {PACED_PER_SECOND}/s"
    )
    figures: Row = {"messages": 0}
    for connections in CONNECTIONS:
        found: dict[str, list[tuple[Row, Row]]] = {name: [] for name in TARGETS}
        for _ in range(rounds if connections == 8 else 1):
            for name, target in bench.targets.items():
                pair = (
                    bench.measure(target, 0, connections),
                    bench.measure(target, PACED_PER_SECOND, connections),
                )
                found[name].append(pair)
                figures["messages"] += sum(row["count"] for row in pair) if name == "tap" else 0
        best = {name: _best(pairs) for name, pairs in found.items()}
        for name, row in best.items():
            print(
                f"{connections:<12}{name:6}{row['per_s']:12.0f}{row['us']:9.1f}"
                f"{row['p50_ms']:9.3f}{row['p99_ms']:9.3f}{row['p999_ms']:10.3f}"
            )
        figures |= _figures(best, "" if connections == 8 else f"c{connections}_")
        if connections == 8:
            ratios = [c[0]["per_s"] / t[0]["per_s"] for c, t in zip(found["copy"], found["tap"], strict=True)]
            figures["median_time_ratio_to_copy"] = round(statistics.median(ratios), 3)
    return figures


def _best(pairs: list[tuple[Row, Row]]) -> Row:
    return {
        "per_s": max(closed["per_s"] for closed, _ in pairs),
        "us": min(closed["us"] for closed, _ in pairs),
        **{key: min(paced[key] for _, paced in pairs) for key in ("p50_ms", "p99_ms", "p999_ms")},
    }


def _figures(best: dict[str, Row], prefix: str) -> Row:
    none, copy, tapped = (best[name] for name in TARGETS)
    found = {
        "messages_per_s": round(tapped["per_s"]),
        "copy_messages_per_s": round(copy["per_s"]),
        "direct_messages_per_s": round(none["per_s"]),
        "time_ratio_to_copy": round(copy["per_s"] / tapped["per_s"], 3),
        "cpu_us_per_message": round(tapped["us"], 1),
        "copy_cpu_us_per_message": round(copy["us"], 1),
    }
    for key in ("p50_ms", "p99_ms", "p999_ms"):
        found[f"added_{key}"] = round(tapped[key] - none[key], 3)
        found[f"copy_added_{key}"] = round(copy[key] - none[key], 3)
    return {prefix + key: value for key, value in found.items()}


def features(bench: Bench) -> Row:
    """Processor time per request with each feature; all but the first three are against `keys`."""
    print(f"\n{'feature':14}{'µs each':>9}{'more':>9}")
    figures: Row = {}
    against = 0.0
    for name, (kind, _) in FEATURES.items():
        started, port = bench.tap(name)
        us = min(bench.measure((started, port), 0, 8, kind)["us"] for _ in range(2))
        started.terminate()
        print(f"{name:14}{us:9.1f}{us - against if against else 0.0:9.1f}")
        figures[f"feature_{name.replace(' ', '_')}_us"] = round(us, 1)
        against = us if name in ("watching", "keys") else against
    return figures


def main(seconds: float, rounds: int) -> Row:
    """Print the tables; the figures."""
    cores = len(os.sched_getaffinity(0))
    print(f"{platform.machine()}, {cores} cores, Python {platform.python_version()}, {_model()}")
    print(f"{len(request('json', 1))}-byte POST, keep-alive, best of {rounds} rounds of {seconds:g} s")
    with contextlib.ExitStack() as stack:
        bench = Bench(stack, seconds)
        figures = throughput(bench, rounds)
        tapped, _ = bench.targets["tap"]
        figures["resident_mb"] = round(resident_mb(tapped.pid), 1)
        tapped.terminate()
        counters = json.loads(cast(IO[str], tapped.stdout).read())
        figures |= {"spans_taken": counters["sender"]["sent"], "unseen": counters["erp"]["unseen"]}
        print(
            f"{figures['messages']:.0f} requests through the tap, {figures['spans_taken']} spans taken, "
            f"resident {figures['resident_mb']} MB"
        )
        return figures | features(bench)


def _model() -> str:
    with contextlib.suppress(OSError, StopIteration), open("/proc/cpuinfo") as file:
        return next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    return "unknown processor"


def _role(role: str, rest: list[str]) -> None:
    import uvloop

    if role == "server":
        uvloop.run(serve(Server))
    elif role == "collector":
        uvloop.run(serve(Collector))
    elif role == "copy":
        uvloop.run(serve(CopyDown, int(rest[0])))
    elif role == "tap":
        uvloop.run(tap(int(rest[0]), int(rest[1]), rest[2], rest[3]))
    else:
        port, seconds, rate, connections, kind = rest
        print(json.dumps(uvloop.run(send(int(port), float(seconds), float(rate), int(connections), kind))))


if __name__ == "__main__":
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        _role(sys.argv[1], sys.argv[2:])
    else:
        parser = argparse.ArgumentParser(description=__doc__)
        parser.add_argument("--seconds", type=float, default=1.0, help="length of one measurement")
        parser.add_argument("--rounds", type=int, default=2, help="measurements of each kind")
        options = parser.parse_args()
        print(json.dumps(main(options.seconds, options.rounds)))
