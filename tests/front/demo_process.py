"""Runs `caretrail demo` as a person would, for the tests of the whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from tests.ports import free_port

T = TypeVar("T")
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def eventually(ask: Callable[[], T], within_s: float = 60.0) -> T:
    """The first true answer; AssertionError with the last one when there is none in time."""
    limit = time.monotonic() + within_s
    while True:
        answer = ask()
        if answer:
            return answer
        assert time.monotonic() < limit, f"still {answer!r} after {within_s:.0f} s"
        time.sleep(0.2)


def caretrail(*arguments: str, cwd: Path, standard_input: str = "") -> subprocess.CompletedProcess[str]:
    """One command, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "caretrail.main", *arguments],
        cwd=cwd,
        input=standard_input,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


class Demo:
    """A running demo. `link`: the one-time link it printed."""

    def __init__(self, folder: Path, *options: str, port: int | None = None) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "caretrail.main", "demo", "--data", str(folder), "--port", str(self.port),
             *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )  # fmt: skip
        self.told: list[str] = []
        assert self.process.stderr is not None
        threading.Thread(target=self._listen, args=(self.process.stderr,), daemon=True).start()
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("Caretrail is ready: http://127.0.0.1:"), (line, self.told)
        self.link = line.split()[-1]
        self.token = (folder / "api-token").read_text().strip()

    def _listen(self, stream: Any) -> None:
        self.told.extend(line.rstrip() for line in stream)

    def get(self, path: str) -> Any:
        return self._ask(urllib.request.Request(self.url + path))

    def post(self, path: str, body: dict[str, Any]) -> Any:
        data = json.dumps(body).encode()
        return self._ask(urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}))

    def _ask(self, request: urllib.request.Request) -> Any:
        request.add_header("Authorization", f"Bearer {self.token}")
        with _DIRECT.open(request, timeout=30) as answer:
            return json.load(answer)

    def sql(self, statement: str) -> list[list[Any]]:
        rows: list[list[Any]] = self.post("/api/v1/sql", {"sql": statement})["rows"]
        return rows

    def counts(self, workflow: str) -> dict[str, int]:
        found = self.get("/api/v1/workflows")["workflows"]
        return next(dict(one["counts"]) for one in found if one["name"] == workflow)

    def pid(self, name: str) -> int:
        return int((self.folder / "logs" / f"{name}.pid").read_text())

    def stop(self) -> int:
        """Ctrl-C; the exit code."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(60)
