"""The ends of `benchmarks.tap`, each a process of its own: receiver, collector, byte-copy proxy, sender, tap.

Started by `benchmarks.tap` as `python -m benchmarks.tap_ends ROLE …`; a role that listens prints its port.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
import time
from collections.abc import Sequence
from functools import partial
from typing import Any, cast

MESSAGES = 20_000
MESSAGE_BYTES = 1536
INTERFACES = 30
"""Of the estate that the soak runs."""

FEATURES: dict[str, dict[str, Any]] = {
    "reading only": {"keys": [], "attributes": {}, "structure": False, "resent_memory": 0},
    "keys, unsealed": {"structure": False, "resent_memory": 0},
    "sealing": {"structure": False, "resent_memory": 0},
    "sent again": {"structure": False},
    "default": {},
    "every shape": {"structures_per_second": 10_000_000},
    "inject": {"context": "inject"},
    "capture": {"capture": {}},
}
"""Each is the one before and something more, up to `default`; the last three are `default` and one thing."""


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
            start = message.find(b"MSH")
            control = message[start : message.find(b"\r", start)].split(b"|", 10)[9]
            self._transport.write(
                b"\x0bMSH|^~\\&|ENGINE|NSH|EHR|NSH|20260301120001||ACK^A03^ACK|1|P|2.5.1\rMSA|%b|%b\r\x1c\r"
                % (b"AE" if control.endswith(b"E") else b"AA", control)
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


# -- senders --------------------------------------------------------------------------------------------


class Sender(asyncio.Protocol):
    """One connection: sends a message, waits for its acknowledgement, sends the next."""

    def __init__(
        self, messages: Sequence[bytes], offset: int, step: int, until: float, interval: float
    ) -> None:
        self._messages = messages
        self._next = offset
        self._step = step
        self._until = until
        self._interval = interval
        self._due = 0.0
        self._sent = 0.0
        self._rest = b""
        self._connected = False  # end to end: the first message waits until its proxy is
        self._transport: asyncio.Transport
        self.latencies: list[float] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._due = time.perf_counter() + self._interval * (self._next % self._step) / self._step
        if self._interval:
            asyncio.get_running_loop().call_later(self._due - time.perf_counter(), self._send)
        else:
            self._send()

    def _send(self) -> None:
        self._transport.write(self._messages[self._next % len(self._messages)])
        self._next += self._step
        self._sent = time.perf_counter()

    def data_received(self, data: bytes) -> None:
        self._rest += data
        if not self._rest.endswith(b"\x1c\r"):
            return
        self._rest = b""
        now = time.perf_counter()
        if self._connected:
            self.latencies.append(now - self._sent)
        self._connected = True
        if now >= self._until:
            self._transport.close()
            self.done.set_result(None)
        elif self._interval:
            self._due += self._interval
            asyncio.get_running_loop().call_later(max(0.0, self._due - now), self._send)
        else:
            self._send()


async def send(port: int, seconds: float, rate: float, connections: int) -> dict[str, float]:
    """Messages per second, and latencies in ms."""
    messages = [adt(number) for number in range(MESSAGES)]
    loop = asyncio.get_running_loop()
    interval = connections / rate if rate else 0.0
    start = time.perf_counter()
    until = start + seconds
    senders: list[Sender] = []
    for index in range(connections):
        _, protocol = await loop.create_connection(
            partial(Sender, messages, index, connections, until, interval), "127.0.0.1", port
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
        "p999_ms": latencies[len(latencies) * 999 // 1000] * 1e3,
    }


class Estate:
    """Many connections that come and go, with traffic of all kinds, as fast as it is taken."""

    def __init__(self, ports: list[int], until: float) -> None:
        self.ports = ports
        self.until = until
        self.sent = 0
        self.connections = 0
        self._random = random.Random(7)
        self._body = adt(0).split(b"\r", 1)[1]

    def message(self) -> bytes:
        """A message never sent before: nine of ten are of an encounter never seen before."""
        self.sent += 1
        number = self.sent if self._random.random() < 0.9 else self._random.randrange(1, self.sent + 1)
        refused = b"E" if self._random.random() < 0.02 else b""
        head = b"\x0bMSH|^~\\&|EHR|NSH|ENGINE|NSH|20260301||ADT^A08|S%d%b|P|2.5.1\r" % (self.sent, refused)
        body = self._body.replace(b"0000000", b"%07d" % number)
        if self._random.random() < 0.005:
            body = b"PV1|1|I%b\rOBX|1|ED|||%b\r\x1c\r" % (b"|" * 16 + b"V%07d" % number, b"x" * 200_000)
        return head + body

    async def one(self, index: int) -> None:
        """One sender: connects, sends for a while, goes away, comes again."""
        while time.perf_counter() < self.until:
            port = self.ports[index % len(self.ports)]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            self.connections += 1
            try:
                for _ in range(self._random.randrange(20, 200)):
                    writer.write(self.message())
                    await reader.readuntil(b"\x1c\r")
                    if time.perf_counter() >= self.until:
                        break
            finally:
                writer.close()


async def soak(ports: list[int], seconds: float, connections: int) -> dict[str, float]:
    """Messages sent and connections made."""
    estate = Estate(ports, time.perf_counter() + seconds)
    await asyncio.gather(*(estate.one(index) for index in range(connections)))
    return {"sent": estate.sent, "connections": estate.connections}


# -- listening roles ------------------------------------------------------------------------------------


async def serve(factory: type[asyncio.Protocol], *arguments: Any) -> None:
    """Listen on a free port, say which, and stay."""
    server = await asyncio.get_running_loop().create_server(
        lambda: factory(*arguments), "127.0.0.1", 0, backlog=1024
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def tap(upstream: int, collector: int, spool: str, feature: str, interfaces: int) -> None:
    """The tap as `run_taps` runs it, with the first interface's port, or all of them on one line."""
    from collector.taps.config import load_interfaces
    from collector.taps.run import Taps, tune
    from tracing.context import SiteKey
    from tracing.keys import Sealer

    interface = {
        "kind": "mllp",
        "listen": "127.0.0.1:0",
        "upstream": f"127.0.0.1:{upstream}",
        "source": "ehr",
        "destination": "engine",
        "facility": "NSH",
        "authority": "NSH",
        "attributes": {"patient_class": "PV1-2"},
    } | FEATURES[feature]
    if feature == "keys, unsealed":
        Sealer._sealed = lambda self, plain: b""  # type: ignore[method-assign]
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    described = [{"name": f"ehr-adt-{number}"} | interface for number in range(interfaces)]
    taps = Taps(load_interfaces(described), SiteKey(b"b" * 32), f"http://127.0.0.1:{collector}", spool)
    await taps.start()
    tune()
    print(*(port for _, port in taps.addresses.values()), flush=True)
    await stop.wait()
    await taps.stop()
    print(json.dumps(taps.counters()), flush=True)


def _role(role: str, rest: list[str]) -> None:
    import uvloop

    if role == "receiver":
        uvloop.run(serve(Receiver))
    elif role == "collector":
        uvloop.run(serve(Collector))
    elif role == "copy":
        uvloop.run(serve(CopyDown, int(rest[0])))
    elif role == "tap":
        uvloop.run(tap(int(rest[0]), int(rest[1]), rest[2], rest[3], int(rest[4])))
    elif role == "soak":
        ports = [int(port) for port in rest[0].split(",")]
        print(json.dumps(uvloop.run(soak(ports, float(rest[1]), int(rest[2])))))
    else:
        found = send(int(rest[0]), float(rest[1]), float(rest[2]), int(rest[3]))
        print(json.dumps(uvloop.run(found)))


if __name__ == "__main__":
    _role(sys.argv[1], sys.argv[2:])
