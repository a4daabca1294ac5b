"""What real roads do to a tap: odd framing, long messages, slow ends, dead ends, many ends, and upgrades."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from collector.taps.relay_sides import Downstream, keep_alive
from collector.taps.run import Taps
from tests.taps.test_kill import TAP
from tests.taps.test_mllp import Run, run, tapped
from tests.taps.world import SITE, Collector, MllpReceiver, accept, ack, adt, eventually, framed, interfaces

__all__ = ["run"]


@pytest.mark.parametrize("cut", [1, 7, 10_000])
def test_nothing_about_framing_closes_or_changes_anything(
    run: Run, collector: Collector, tmp_path: Path, cut: int
) -> None:
    data = (
        b"\r\n\x1c\r"  # an end without a start
        + framed(adt("C1"))
        + b"\x0b\x1c\r"  # empty
        + b"\x0b\x06\x1c\r\x0b\x15\x1c\r"  # commit and refusal of MLLP release 2
        + framed(adt("C2"))[:-1]  # without its carriage return
        + framed(b"\x0b" + adt("C3")[3:])  # a start inside, and no message
        + b"GET / HTTP/1.1\r\n"
        + framed(adt("C4"))
    )

    async def story() -> None:
        receiver = await MllpReceiver(lambda payload: framed(ack("C4")) if b"C4" in payload else None).start()
        async with tapped(collector, tmp_path, receiver.port) as (taps, address):
            reader, writer = await asyncio.open_connection(*address)
            for start in range(0, len(data), cut):
                writer.write(data[start : start + cut])
                await writer.drain()
                if cut == 1 and start % 16 == 0:
                    await asyncio.sleep(0)
            async with asyncio.timeout(5):
                assert await reader.readexactly(len(framed(ack("C4")))) == framed(ack("C4"))
            assert receiver.received == data
            counters = taps.counters()["ehr-adt"]
            assert (counters["messages"], counters["empty"], counters["unseen"]) == (4, 1, 0)
            writer.close()
        await receiver.stop()

    run(story())


def test_a_block_that_never_ends_passes_in_bounded_memory(
    run: Run, collector: Collector, tmp_path: Path
) -> None:
    piece = b"x" * 65536

    async def story() -> None:
        counted = Counting()
        server = await asyncio.get_running_loop().create_server(lambda: counted, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with tapped(collector, tmp_path, port, max_message_bytes=100_000) as (taps, address):
            _, writer = await asyncio.open_connection(*address)
            writer.write(b"\x0b" + adt("C1"))
            for _ in range(800):  # 50 MB
                writer.write(piece)
                await writer.drain()
            await eventually(lambda: counted.received == 1 + len(adt("C1")) + 800 * len(piece))
            (side,) = taps._taps["ehr-adt"]._relay.connections  # type: ignore[attr-defined]
            assert held(side) < 1_000_000
            writer.write(b"\x1c\r" + framed(adt("C2")))  # and the next message is one again
            await eventually(lambda: taps.counters()["ehr-adt"]["messages"] == 2)
            writer.close()
            await eventually(lambda: len(collector.spans) == 2)
        server.close()

    run(story())
    first = next(s for s in collector.spans if s["messaging.message.id"] == "C1")
    assert first["integration.unread"] == "too_large"
    assert first["messaging.message.body.size"] == len(adt("C1")) + 800 * len(piece)


class Counting(asyncio.Protocol):
    """Reads, keeps nothing."""

    received = 0

    def data_received(self, data: bytes) -> None:
        self.received += len(data)


def held(side: Downstream) -> int:
    """Bytes of the sender's that the tap holds: unread, and not yet sent on."""
    watcher: Any = side._watcher
    assert side._up is not None
    return int(watcher._requests.pending) + side._up.get_write_buffer_size()


def test_a_receiver_that_does_not_read_stops_the_sender(
    run: Run, collector: Collector, tmp_path: Path
) -> None:
    message = framed(adt("C1") + b"OBX|1|ED|" + b"x" * 100_000 + b"\r")

    async def story() -> None:
        reading = asyncio.Event()
        counted = 0

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal counted
            await reading.wait()
            while data := await reader.read(1 << 20):
                counted += len(data)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1024)
        async with tapped(collector, tmp_path, server.sockets[0].getsockname()[1]) as (taps, address):
            _, writer = await asyncio.open_connection(*address)
            sent = 0
            blocked = False
            while not blocked and sent < 400:
                writer.write(message)
                sent += 1
                try:
                    async with asyncio.timeout(0.3):
                        await writer.drain()
                except TimeoutError:
                    blocked = True
            assert blocked  # what the kernel holds for three sockets, and no more
            (side,) = taps._taps["ehr-adt"]._relay.connections  # type: ignore[attr-defined]
            assert held(side) < 2_000_000
            reading.set()
            async with asyncio.timeout(10):
                await writer.drain()
            await eventually(lambda: counted == sent * len(message))
            writer.close()
        server.close()

    run(story())


def test_a_sender_that_does_not_read_stops_the_receiver(
    run: Run, collector: Collector, tmp_path: Path
) -> None:
    answer = framed(b"MSH|^~\\&|" + b"x" * 1_000_000)

    async def story() -> None:
        blocked = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for _ in range(100):
                writer.write(answer)
                try:
                    async with asyncio.timeout(0.3):
                        await writer.drain()
                except TimeoutError:
                    blocked.set()
                    await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with tapped(collector, tmp_path, server.sockets[0].getsockname()[1]) as (_, address):
            reader, writer = await asyncio.open_connection(*address, limit=1024)
            async with asyncio.timeout(20):
                await blocked.wait()
                received = 0
                while data := await reader.read(1 << 20):
                    received += len(data)
            assert received == 100 * len(answer)
            writer.close()
        server.close()

    run(story())


def test_silent_ends_are_asked_for_a_sign_of_life(run: Run, collector: Collector, tmp_path: Path) -> None:
    async def story() -> None:
        receiver = await MllpReceiver(accept).start()
        async with tapped(collector, tmp_path, receiver.port, keepalive_seconds=20) as (taps, address):
            _, writer = await asyncio.open_connection(*address)
            relay = taps._taps["ehr-adt"]._relay  # type: ignore[attr-defined]
            await eventually(lambda: any(side._up is not None for side in relay.connections))
            (side,) = relay.connections
            for transport in (side._transport, side._up):
                endpoint = transport.get_extra_info("socket")
                assert endpoint.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
                assert endpoint.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 20
                assert endpoint.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) == 5
            writer.close()
        await receiver.stop()

    run(story())
    keep_alive(asyncio.Transport(), 20)  # what has no socket is left alone


def test_hundreds_of_connections_at_once(collector: Collector, tmp_path: Path) -> None:
    async def story() -> None:
        receiver = await MllpReceiver(accept).start()
        async with tapped(collector, tmp_path, receiver.port) as (taps, address):
            ends = [await asyncio.open_connection(*address) for _ in range(300)]
            for number, (_, writer) in enumerate(ends):
                writer.write(framed(adt(f"C{number:03}")))
            async with asyncio.timeout(20):
                for number, (reader, _) in enumerate(ends):
                    expected = framed(ack(f"C{number:03}"))
                    assert await reader.readexactly(len(expected)) == expected
            assert taps.counters()["ehr-adt"]["open"] == 300
            for _, writer in ends:
                writer.close()
            await eventually(lambda: taps.counters()["ehr-adt"]["open"] == 0)
            await eventually(lambda: len(collector.spans) == 300)
        await receiver.stop()

    asyncio.run(story())


class Process:
    """A tap in a process of its own, that may still have to wait for its address."""

    def __init__(self, listen: str, upstream: int, endpoint: str, spool: Path) -> None:
        item = {"name": "ehr-adt", "kind": "mllp", "listen": listen, "upstream": f"127.0.0.1:{upstream}"}
        item |= {"source": "ehr", "destination": "engine", "authority": "NSH"}
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-c", TAP, json.dumps([[item], endpoint, str(spool)])],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )

    async def says(self, word: str) -> str:
        """The next line with `word`."""
        assert self.process.stdout is not None
        while True:
            line = await asyncio.to_thread(self.process.stdout.readline)
            assert line, "the tap has ended"
            if word in line:
                return line.strip()


def test_an_upgrade_in_the_middle_of_the_day(collector: Collector, tmp_path: Path) -> None:
    """The new tap waits for the address, takes it at once, and the old one still hands its answers on."""

    async def story() -> None:
        held = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            block = await reader.readuntil(b"\x1c\r")
            if b"|OLD|" in block:
                await held.wait()
            writer.write(accept(block[1:-2]))
            await reader.read()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        upstream = server.sockets[0].getsockname()[1]
        old = Process("127.0.0.1:0", upstream, collector.url, tmp_path / "old")
        listen = (await old.says("listens on")).split(" on ")[1]
        new = Process(listen, upstream, collector.url, tmp_path / "new")
        try:
            host, port = listen.split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(framed(adt("OLD")))
            await new.says("is taken; waiting")
            old.process.send_signal(signal.SIGTERM)
            await new.says("listens on")
            fresh, other = await asyncio.open_connection(host, int(port))
            other.write(framed(adt("NEW")))
            async with asyncio.timeout(5):
                assert await fresh.readexactly(len(framed(ack("NEW")))) == framed(ack("NEW"))
            held.set()
            async with asyncio.timeout(5):
                assert await reader.readexactly(len(framed(ack("OLD")))) == framed(ack("OLD"))
            for one in (writer, other):
                one.close()
            await eventually(lambda: len(collector.spans) == 2)
        finally:
            for process in (old.process, new.process):
                process.terminate()
                await asyncio.to_thread(process.communicate)
            server.close()

    asyncio.run(story())
    assert {s["messaging.message.id"] for s in collector.spans} == {"OLD", "NEW"}


def test_a_tap_that_was_killed_listens_again_at_once(collector: Collector, tmp_path: Path) -> None:
    async def story() -> None:
        receiver = await MllpReceiver(accept).start()
        old = Process("127.0.0.1:0", receiver.port, collector.url, tmp_path)
        listen = (await old.says("listens on")).split(" on ")[1]
        host, port = listen.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(framed(adt("C1")))
        async with asyncio.timeout(5):
            await reader.readexactly(len(framed(ack("C1"))))
        old.process.kill()
        await asyncio.to_thread(old.process.communicate)
        assert await reader.read() == b""
        described = {"name": "ehr-adt", "kind": "mllp", "listen": listen}
        taps = Taps(
            interfaces(described | {"upstream": f"127.0.0.1:{receiver.port}"}), SITE, collector.url, tmp_path
        )
        # The address must be free although connections of the killed process are still ending.
        await taps.start()
        reader, again = await asyncio.open_connection(host, int(port))
        again.write(framed(adt("C2")))
        async with asyncio.timeout(5):
            assert await reader.readexactly(len(framed(ack("C2")))) == framed(ack("C2"))
        for one in (writer, again):
            one.close()
        await taps.stop(1.0)
        await receiver.stop()

    asyncio.run(story())
