"""A tap that is killed: its sender sees a broken connection, and what was acknowledged is in the spool."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from collector.taps.spool import Spool
from collector.taps.spool_reader import SpoolReader
from tests.ports import free_port
from tests.taps.world import Collector, MllpReceiver, accept, ack, adt, decode, eventually, framed

TAP = """
import asyncio, json, logging, signal, sys
from collector.taps.config import load_interfaces
from collector.taps.run import Taps, run_taps
from tracing.context import SiteKey
import uvloop
logging.basicConfig(level="INFO", stream=sys.stdout, format="%(message)s")
items, endpoint, spool = json.loads(sys.argv[1])
async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await run_taps(Taps(load_interfaces(items), SiteKey(bytes(range(32))), endpoint, spool), stop)
uvloop.run(main())
"""


class TapProcess:
    """`run_taps` in a process of its own."""

    def __init__(self, upstream: int, endpoint: str, spool: Path) -> None:
        item = {
            "name": "ehr-adt",
            "kind": "mllp",
            "listen": "127.0.0.1:0",
            "upstream": f"127.0.0.1:{upstream}",
            "source": "ehr",
            "destination": "engine",
            "authority": "NSH",
        }
        arguments = json.dumps([[item], endpoint, str(spool)])
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-c", TAP, arguments],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert "listens on" in line, line
        self.port = int(line.rsplit(":", 1)[1])

    def end(self, how: signal.Signals) -> str:
        """Signal it; what it printed."""
        os.kill(self.process.pid, how)
        output, _ = self.process.communicate(timeout=15)
        return output


async def talk(port: int, start: int, acknowledged: list[str], until: asyncio.Event) -> None:
    """Send messages one after the other and note which were acknowledged, until the connection breaks."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    number = start
    with suppress(ConnectionError, asyncio.IncompleteReadError):
        while not until.is_set():
            control = f"K{number}"
            writer.write(framed(adt(control)))
            answer = await reader.readuntil(b"\x1c\r")
            assert answer == framed(ack(control))
            acknowledged.append(control)
            number += 1
    writer.close()


def spooled(folder: Path) -> list[str]:
    spool = Spool(folder, b"")
    reader = SpoolReader(spool)
    found: list[Any] = []
    while (batch := reader.read(1 << 20)) is not None:
        found += [seen["messaging.message.id"] for seen in decode(batch.body)]
        reader.confirm(batch.end)
    spool.close()
    return found


@pytest.mark.slow
def test_killed_in_the_middle_nothing_acknowledged_is_unrecorded_or_undelivered(tmp_path: Path) -> None:
    async def story() -> tuple[list[str], bytes]:
        receiver = await MllpReceiver(accept).start()
        tap = await asyncio.to_thread(TapProcess, receiver.port, "http://127.0.0.1:1", tmp_path)
        acknowledged: list[str] = []
        never = asyncio.Event()
        senders = [asyncio.create_task(talk(tap.port, n * 100_000, acknowledged, never)) for n in range(8)]
        await eventually(lambda: len(acknowledged) >= 500)
        await asyncio.to_thread(tap.end, signal.SIGKILL)
        await asyncio.wait_for(asyncio.gather(*senders), 5)  # every sender saw its connection break
        await receiver.stop()
        return acknowledged, receiver.received

    acknowledged, received = asyncio.run(story())
    assert len(acknowledged) >= 500
    recorded = spooled(tmp_path)
    assert len(recorded) == len(set(recorded))
    assert set(acknowledged) <= set(recorded)
    for control in acknowledged:
        assert framed(adt(control)) in received


@pytest.mark.slow
def test_a_restart_after_a_kill_delivers_what_was_spooled_and_sigterm_drains(tmp_path: Path) -> None:
    async def story() -> None:
        receiver = await MllpReceiver(accept).start()
        port = free_port()
        tap = await asyncio.to_thread(TapProcess, receiver.port, f"http://127.0.0.1:{port}", tmp_path)
        first: list[str] = []
        enough = asyncio.Event()
        talking = asyncio.create_task(talk(tap.port, 0, first, enough))
        await eventually(lambda: len(first) >= 50)
        await asyncio.to_thread(tap.end, signal.SIGKILL)
        await talking
        with Collector(port) as back:
            tap = await asyncio.to_thread(TapProcess, receiver.port, f"http://127.0.0.1:{port}", tmp_path)
            second: list[str] = []
            talking = asyncio.create_task(talk(tap.port, 1000, second, enough))
            await eventually(lambda: len(second) >= 50)
            enough.set()
            await talking
            output = await asyncio.to_thread(tap.end, signal.SIGTERM)
            assert tap.process.returncode == 0
            assert "taps have stopped" in output
            assert {*first, *second} <= {seen["messaging.message.id"] for seen in back.spans}
        await receiver.stop()

    asyncio.run(story())
