"""Killed in the middle of the load, again and again: what was acknowledged is stored, and nothing twice."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import requests

from tests.receiver.conftest import request_with

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = Path(__file__).with_name("core_process.py")
HEADERS = {"Content-Type": "application/x-protobuf"}


class Core:
    """The core in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(SCRIPT), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
            text=True,
        )
        assert self.process.stdout is not None
        self.port: int = json.loads(self.process.stdout.readline())["port"]

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    def finish(self) -> dict[str, Any]:
        text, _ = self.process.communicate(timeout=60)
        answer: dict[str, Any] = json.loads(text.strip().splitlines()[-1])
        return answer


class Load:
    """Senders that post until they are stopped and remember what was acknowledged."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.acknowledged: set[str] = set()
        self.posted: set[str] = set()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work) for _ in range(3)]
        for thread in self._threads:
            thread.start()

    def _work(self) -> None:
        with requests.Session() as session:
            while not self._stop.is_set():
                request = request_with(20)
                ids = {span.span_id.hex() for span in request.resource_spans[0].scope_spans[0].spans}
                self.posted |= ids
                with contextlib.suppress(requests.RequestException):
                    answer = session.post(
                        f"http://127.0.0.1:{self.port}/v1/traces",
                        data=request.SerializeToString(),
                        headers=HEADERS,
                        timeout=5,
                    )
                    if answer.status_code == 200:
                        self.acknowledged |= ids

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def test_kill_dash_nine_during_load_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    acknowledged: set[str] = set()
    posted: set[str] = set()
    for seconds in (0.35, 0.6, 0.9):
        core = Core(tmp_path)
        load = Load(core.port)
        time.sleep(seconds)
        core.kill()
        load.stop()
        assert load.acknowledged
        acknowledged |= load.acknowledged
        posted |= load.posted
    last = Core(tmp_path)
    found = last.finish()
    assert found["drained"]
    assert found["refused"] == 0
    stored = found["spans"]
    assert acknowledged - stored.keys() == set()
    assert stored.keys() - posted == set()
    # No merge is needed for this: the token of a segment's content keeps a repeated insert out.
    assert {span: count for span, count in stored.items() if count != 1} == {}
