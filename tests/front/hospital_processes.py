"""The demo's three processes, started one by one, so that a test can kill any of them."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from caretrail import demo_files
from caretrail.children import Child
from caretrail.client import Client, CouldNotAsk
from caretrail.demo_files import DemoState
from caretrail.instance import secret_file
from simulator import truth
from tests.front.demo_process import eventually
from tests.ports import free_port
from tracing.context import SiteKey

PROXIED = ("ehr-adt", "billing-dft", "erp-journals")


class Processes:
    """Core, taps and hospital on a folder of their own; nothing of them outlives `stop`."""

    def __init__(self, folder: Path, live_rate: float = 40_000.0) -> None:
        self.folder = folder
        port = free_port()
        # Not those a demo would choose: another test may be starting one.
        ports = {name: free_port() for name in demo_files.choose_ports()}
        for name in ("claims/out", "claims/in", "logs"):
            (folder / name).mkdir(parents=True)
        SiteKey.create(folder / "site.key")
        demo_files.write_settings(folder, demo_files.settings(ports, port, folder))
        config = str(folder / "caretrail.yaml")
        plan = folder / "hospital.json"
        now = datetime.now(UTC)
        told = demo_files.hospital(ports, folder, DemoState(3, now.isoformat()), now)
        plan.write_text(json.dumps(told | {"live_rate": live_rate, "reconnect_seconds": 0.05}))
        self.core = Child("core", ["up", "--config", config], folder / "logs/core.log")
        self.taps = Child("taps", ["tap", "--config", config], folder / "logs/taps.log")
        self.hospital = Child("hospital", ["hospital", "--plan", str(plan)], folder / "logs/hospital.log")
        self.client = Client(f"http://127.0.0.1:{port}", secret_file(folder / "api-token"))

    def start(self) -> None:
        self.core.start()
        self.ready()
        self.taps.start()
        eventually(lambda: "taps are ready" in self.taps.log.read_text(), within_s=30)
        self.hospital.start()

    def flowing(self, hops: int, since: float = 0.0) -> None:
        """Wait for so many hops since then; fails at once, with its last line, when a process has ended."""

        def flow() -> bool:
            for child in (self.hospital, self.taps, self.core):
                assert child.exit_code() is None, (child.name, child.last_line())
            return len(self.hops_since(since)) >= hops

        eventually(flow, within_s=60)

    def ready(self) -> None:
        """Wait until the core answers."""
        eventually(self._answers, within_s=60)

    def stop(self) -> None:
        for child in (self.hospital, self.taps, self.core):
            child.stop()

    def kill(self, child: Child) -> None:
        """kill -9, as a power failure or the kernel's memory keeper would."""
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        eventually(lambda: child.exit_code() is not None, within_s=10)

    def hops(self) -> list[dict[str, Any]]:
        """What the hospital says happened on the proxied roads, in order of the answers."""
        path = self.folder / "truth.jsonl"
        if not path.exists():
            return []
        found = [
            hop
            for record in truth.load(path).values()
            for hop in record["hops"]
            if hop["interface"] in PROXIED
        ]
        return sorted(found, key=lambda hop: hop["end"])

    def hops_since(self, moment: float) -> list[dict[str, Any]]:
        return [hop for hop in self.hops() if hop["at"] > moment * 1e9]

    def stored(self) -> Counter[tuple[str, str]]:
        """(interface, control ID or operation) of every stored hop on the proxied roads, each span once."""
        rows = self.client.post(
            "/api/v1/sql",
            {
                "sql": "SELECT interface, if(control_id = '', operation, control_id), span_id FROM spans "
                f"WHERE interface IN {PROXIED!r}"
            },
        )["rows"]
        assert len({row[2] for row in rows}) == len(rows), "a span is stored twice"
        return Counter((row[0], row[1]) for row in rows)

    def _answers(self) -> bool:
        assert self.core.exit_code() is None, self.core.last_line()
        try:
            self.client.get("/readyz")
        except CouldNotAsk:
            return False
        return True


def told(hops: list[dict[str, Any]]) -> Counter[tuple[str, str]]:
    """(interface, control ID or operation) of the hospital's hops."""
    return Counter((hop["interface"], hop["control_id"] or hop["message"]) for hop in hops)


def now() -> float:
    return time.time()
