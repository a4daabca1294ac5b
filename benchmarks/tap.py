"""What an MLLP tap costs: throughput and latency against no tap and against a plain byte-copy proxy.

Run `python -m benchmarks.tap`. Sender, receiver and collector are processes of their own, the proxy under
test another one, pinned to one core where the machine has several. The last line is one JSON object.
Never part of the test suite: the figures are ratios of one run on one machine.
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
from pathlib import Path
from typing import IO, Any, cast

CONNECTIONS = 8
MESSAGES = 20_000
MESSAGE_BYTES = 1536
PACED_PER_SECOND = 2000


def adt(number: int) -> bytes:
    """One framed ADT^A03 of about 1.5 KB; four messages share a visit, as they would."""
    visit = number // 4
    head = (
        f"MSH|^~\\&|EHR|NSH-NORTH|ENGINE|NSH|20260301120000||ADT^A03^ADT_A03|MSG{number:08d}|P|2.5.1\r"
        f"EVN|A03|20260301120000\r"
        f"PID|1||M{visit:07d}^^^NSH^MR||TEST^PATIENT^A||19700101|F|||1 MAIN ST^^SPRINGFIELD^IL^62701||5551234"
        f"|||M||A{visit:07d}^^^NSH^AN\r"
        f"PV1|1|I|4W^401^1^NSH|E|||1234^DOE^JANE|||MED||||7|||1234^DOE^JANE|INP|V{visit:07d}^^^NSH^VN"
        f"{'|' * 17}01{'|' * 8}20260228080000|20260301115500\r"
    )
    lines = [head]
    size, index = len(head), 1
    while size < MESSAGE_BYTES - 90:
        line = f"OBX|{index}|NM|8867-4^HEART RATE^LN||{60 + index}|/min^BEATS^UCUM|60-100|N|||F|||20260301\r"
        lines.append(line)
        size, index = size + len(line), index + 1
    return b"\x0b" + "".join(lines).encode().ljust(MESSAGE_BYTES - 1, b" ") + b"\r\x1c\r"


# -- the receiver ---------------------------------------------------------------------------------------


class Receiver(asyncio.Protocol):
    """Acknowledges every message with AA."""

    def __init__(self) -> None:
        self._rest = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        *messages, self._rest = (self._rest + data).split(b"\x1c\r")
        for message in messages:
            control = message[: message.find(b"\r")].split(b"|", 10)[9]
            self._transport.write(
                b"\x0bMSH|^~\\&|ENGINE|NSH|EHR|NSH|20260301120001||ACK^A03^ACK|1|P|2.5.1\rMSA|AA|%b\r\x1c\r"
                % control
            )


class Collector(asyncio.Protocol):
    """Takes OTLP over HTTP and says that it has."""

    def __init__(self) -> None:
        self._data = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            head = self._data[:end].lower()
            size = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
            if len(self._data) < end + 4 + size:
                return
            self._data = self._data[end + 4 + size :]
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


# -- the byte-copy proxy --------------------------------------------------------------------------------


class CopyDown(asyncio.Protocol):
    """One side of the plainest proxy there can be; the comparison."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.transport: asyncio.Transport
        self._up: CopyUp | None = None
        self._early = b""
        self._task: asyncio.Task[Any] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._task = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        _, self._up = await loop.create_connection(lambda: CopyUp(self), "127.0.0.1", self._port)
        if self._early:
            self._up.transport.write(self._early)

    def data_received(self, data: bytes) -> None:
        if self._up is not None:
            self._up.transport.write(data)
        else:
            self._early += data

    def connection_lost(self, exc: Exception | None) -> None:
        if self._up is not None:
            self._up.transport.close()


class CopyUp(asyncio.Protocol):
    """The other side."""

    def __init__(self, down: CopyDown) -> None:
        self._down = down
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._down.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._down.transport.close()


# -- the sender -----------------------------------------------------------------------------------------


class Sender(asyncio.Protocol):
    """One connection: sends a message, waits for its acknowledgement, sends the next."""

    def __init__(self, messages: Sequence[bytes], offset: int, until: float, interval: float) -> None:
        self._messages = messages
        self._next = offset
        self._until = until
        self._interval = interval
        self._due = 0.0
        self._sent = 0.0
        self._rest = b""
        self._transport: asyncio.Transport
        self.latencies: list[float] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._due = time.perf_counter() + self._interval * (self._next % CONNECTIONS) / CONNECTIONS
        self._send()

    def _send(self) -> None:
        self._transport.write(self._messages[self._next % len(self._messages)])
        self._next += CONNECTIONS
        self._sent = time.perf_counter()

    def data_received(self, data: bytes) -> None:
        self._rest += data
        if not self._rest.endswith(b"\x1c\r"):
            return
        self._rest = b""
        now = time.perf_counter()
        self.latencies.append(now - self._sent)
        if now >= self._until:
            self._transport.close()
            self.done.set_result(None)
        elif self._interval:
            self._due += self._interval
            asyncio.get_running_loop().call_later(max(0.0, self._due - now), self._send)
        else:
            self._send()


async def send(port: int, seconds: float, rate: float) -> dict[str, float]:
    """Messages per second, and latencies in ms."""
    messages = [adt(number) for number in range(MESSAGES)]
    loop = asyncio.get_running_loop()
    interval = CONNECTIONS / rate if rate else 0.0
    start = time.perf_counter()
    until = start + seconds
    senders: list[Sender] = []
    for index in range(CONNECTIONS):
        _, protocol = await loop.create_connection(
            partial(Sender, messages, index, until, interval), "127.0.0.1", port
        )
        senders.append(protocol)
    await asyncio.gather(*(sender.done for sender in senders))
    elapsed = time.perf_counter() - start
    latencies = sorted(latency for sender in senders for latency in sender.latencies)
    return {
        "count": len(latencies),
        "per_s": len(latencies) / elapsed,
        "p50_ms": latencies[len(latencies) // 2] * 1e3,
        "p99_ms": latencies[len(latencies) * 99 // 100] * 1e3,
    }


# -- processes ------------------------------------------------------------------------------------------


async def serve(factory: type[asyncio.Protocol], *arguments: Any) -> None:
    """Listen on a free port, say which, and stay."""
    server = await asyncio.get_running_loop().create_server(lambda: factory(*arguments), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def tap(upstream: int, collector: int, spool: str) -> None:
    """The tap as `run_taps` runs it."""
    from collector.taps.config import load_interfaces
    from collector.taps.run import Taps, tune
    from tracing.context import SiteKey

    interface = {
        "name": "ehr-adt",
        "kind": "mllp",
        "listen": "127.0.0.1:0",
        "upstream": f"127.0.0.1:{upstream}",
        "source": "ehr",
        "destination": "engine",
        "facility": "NSH",
        "authority": "NSH",
        "attributes": {"patient_class": "PV1-2"},
    }
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    taps = Taps(load_interfaces([interface]), SiteKey(b"b" * 32), f"http://127.0.0.1:{collector}", spool)
    await taps.start()
    tune()
    print(taps.addresses["ehr-adt"][1], flush=True)
    await stop.wait()
    await taps.stop()
    print(json.dumps(taps.counters()), flush=True)


@contextlib.contextmanager
def process(
    role: str, *arguments: str, core: int | None = None
) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process of this module, and the port it listens on."""
    pin = (lambda: os.sched_setaffinity(0, {core})) if core is not None else None
    started = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.tap", role, *arguments],
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


def measure(port: int, seconds: float, rate: float, core: int | None) -> dict[str, float]:
    """Run a sender process against `port`."""
    pin = (lambda: os.sched_setaffinity(0, {core})) if core is not None else None
    command = [sys.executable, "-m", "benchmarks.tap", "sender", str(port), str(seconds), str(rate)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, preexec_fn=pin, check=True)
    return cast(dict[str, float], json.loads(ended.stdout))


def resident_mb(pid: int, what: str = "VmRSS") -> float:
    """Resident memory of a process."""
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith(what))


def processor_us(pid: int) -> float:
    """Processor time of all threads of a process, which other load hardly changes; 0 if unknown."""
    total = 0.0
    for thread in Path(f"/proc/{pid}/task").glob("*"):
        with contextlib.suppress(OSError):
            total += int((thread / "schedstat").read_text().split()[0]) / 1e3
    return total


def main(seconds: float, rounds: int) -> dict[str, float]:
    """Print the table; the figures."""
    cores = sorted(os.sched_getaffinity(0))
    proxy_core, other_core = (cores[0], cores[1]) if len(cores) > 1 else (None, None)
    print(f"{platform.machine()}, {len(cores)} cores, Python {platform.python_version()}, {_model()}")
    print(
        f"{MESSAGE_BYTES}-byte ADT^A03, {CONNECTIONS} connections, best of {rounds} rounds of {seconds:g} s"
    )
    found: dict[str, list[dict[str, float]]] = {}
    resident = 0.0
    with (
        tempfile.TemporaryDirectory() as spool,
        process("receiver", core=other_core) as (receiving, receiver),
        process("collector", core=other_core) as (_, collector),
        process("copy", str(receiver), core=proxy_core) as (copying, copy),
        process("tap", str(receiver), str(collector), spool, core=proxy_core) as (tapped, port),
    ):
        for _ in range(rounds):
            for name, target, pid in (
                ("none", receiver, receiving.pid),
                ("copy", copy, copying.pid),
                ("tap", port, tapped.pid),
            ):
                before = processor_us(pid)
                closed = measure(target, seconds, 0, other_core)
                closed["us"] = (processor_us(pid) - before) / closed["count"]
                found.setdefault(f"{name} closed", []).append(closed)
                paced = measure(target, seconds, PACED_PER_SECOND, other_core)
                found.setdefault(f"{name} paced", []).append(paced)
        resident = resident_mb(tapped.pid)
        tapped.terminate()
        counters = json.loads(cast(IO[str], tapped.stdout).read())
    print(f"{'':14}{'messages/s':>12}{'p50 ms':>10}{'p99 ms':>10}   all rounds, messages/s or p99 ms")
    best: dict[str, dict[str, float]] = {}
    for name, results in found.items():
        is_closed = name.endswith("closed")
        best[name] = {
            "per_s": max(r["per_s"] for r in results),
            "p50_ms": min(r["p50_ms"] for r in results),
            "p99_ms": min(r["p99_ms"] for r in results),
        }
        row = best[name]
        rest = " ".join(f"{r['per_s']:.0f}" if is_closed else f"{r['p99_ms']:.2f}" for r in results)
        print(f"{name:14}{row['per_s']:12.0f}{row['p50_ms']:10.3f}{row['p99_ms']:10.3f}   {rest}")
    sent = sum(r["count"] for name, results in found.items() if name.startswith("tap") for r in results)
    taken = counters["sender"]["sent"]
    print(f"{sent:.0f} messages through the tap, {taken} spans taken, resident {resident:.1f} MB")
    ratios = [c["per_s"] / t["per_s"] for c, t in zip(found["copy closed"], found["tap closed"], strict=True)]
    return {
        "messages_per_s": round(best["tap closed"]["per_s"]),
        "copy_messages_per_s": round(best["copy closed"]["per_s"]),
        "direct_messages_per_s": round(best["none closed"]["per_s"]),
        "added_p50_ms": round(best["tap paced"]["p50_ms"] - best["none paced"]["p50_ms"], 3),
        "added_p99_ms": round(best["tap paced"]["p99_ms"] - best["none paced"]["p99_ms"], 3),
        "copy_added_p50_ms": round(best["copy paced"]["p50_ms"] - best["none paced"]["p50_ms"], 3),
        "copy_added_p99_ms": round(best["copy paced"]["p99_ms"] - best["none paced"]["p99_ms"], 3),
        "time_ratio_to_copy": round(best["copy closed"]["per_s"] / best["tap closed"]["per_s"], 3),
        "median_time_ratio_to_copy": round(statistics.median(ratios), 3),
        "cpu_us_per_message": round(min(r["us"] for r in found["tap closed"]), 1),
        "copy_cpu_us_per_message": round(min(r["us"] for r in found["copy closed"]), 1),
        "resident_mb": round(resident, 1),
        "messages": sent,
        "spans_taken": taken,
    }


def _model() -> str:
    with contextlib.suppress(OSError, StopIteration), open("/proc/cpuinfo") as file:
        return next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    return "unknown processor"


def _role(role: str, rest: list[str]) -> None:
    import uvloop

    if role == "receiver":
        uvloop.run(serve(Receiver))
    elif role == "collector":
        uvloop.run(serve(Collector))
    elif role == "copy":
        uvloop.run(serve(CopyDown, int(rest[0])))
    elif role == "tap":
        uvloop.run(tap(int(rest[0]), int(rest[1]), rest[2]))
    else:
        print(json.dumps(uvloop.run(send(int(rest[0]), float(rest[1]), float(rest[2])))))


if __name__ == "__main__":
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        _role(sys.argv[1], sys.argv[2:])
    else:
        parser = argparse.ArgumentParser(description=__doc__)
        parser.add_argument("--seconds", type=float, default=3.0, help="length of one measurement")
        parser.add_argument("--rounds", type=int, default=3, help="measurements of each kind")
        options = parser.parse_args()
        print(json.dumps(main(options.seconds, options.rounds)))
