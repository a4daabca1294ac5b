"""`caretrail tap` as a person starts it: one interface from the command line, or a file that changes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.front.demo_process import caretrail, eventually
from tests.ports import free_port
from tracing.context import SiteKey

MESSAGE = b"\x0bMSH|^~\\&|E|F|X|F|20260101||ADT^A03|M1|P|2.5.1\rPV1|1|I|||||||||||||||||V1\r\x1c\r"
ANSWER = b"\x0bMSH|^~\\&|X|F|E|F|20260101||ACK|1|P|2.5.1\rMSA|AA|M1\r\x1c\r"
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Receiver:
    """Answers every block it is sent."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        while data := connection.recv(65536):
            if data.endswith(b"\x1c\r"):
                connection.sendall(ANSWER)

    def close(self) -> None:
        self._listening.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    SiteKey.create(tmp_path / "site.key")
    processes: list[subprocess.Popen[str]] = []

    def run(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "caretrail.main", "tap", *arguments],
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        process.terminate()
        process.communicate(timeout=30)


def ask(port: int, path: str) -> str:
    try:
        with _DIRECT.open(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def connected(port: int) -> socket.socket:
    def attempt() -> socket.socket | None:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=10)
        except OSError:
            return None

    found = eventually(attempt, within_s=30)
    assert found is not None
    return found


def exchange(connection: socket.socket) -> bytes:
    connection.sendall(MESSAGE)
    return connection.recv(65536)


def test_one_command_makes_a_tap(start: Callable[..., subprocess.Popen[str]], receiver: Receiver) -> None:
    port, page = free_port(), free_port()
    start("mllp", "--listen", f":{port}", "--forward", receiver.address, "--interface", "ehr-adt",
          "--source", "ehr", "--destination", "engine", "--otlp", "http://127.0.0.1:9",
          "--metrics", f"127.0.0.1:{page}")  # fmt: skip
    with connected(port) as connection:
        assert exchange(connection) == ANSWER
    told = eventually(
        lambda: text if "caretrail_tap_messages_total" in (text := ask(page, "/metrics")) else ""
    )
    assert 'caretrail_tap_messages_total{interface="ehr-adt"} 1' in told
    assert 'caretrail_tap_unseen_total{interface="ehr-adt"} 0' in told
    assert "caretrail_tap_spool_dropped_old_total 0" in told
    assert ask(page, "/readyz") == "alive\n"
    assert "V1" not in told


def test_a_changed_file_leaves_what_did_not_change_alone(
    start: Callable[..., subprocess.Popen[str]], receiver: Receiver, tmp_path: Path
) -> None:
    kept, ended, new, page = free_port(), free_port(), free_port(), free_port()

    def interface(name: str, port: int) -> str:
        return (
            f"  - {{name: {name}, kind: mllp, listen: '127.0.0.1:{port}', upstream: '{receiver.address}',"
            " source: a, destination: b}\n"
        )

    head = f"taps: {{endpoint: 'http://127.0.0.1:9', metrics: '127.0.0.1:{page}'}}\ninterfaces:\n"
    settings = tmp_path / "caretrail.yaml"
    settings.write_text(head + interface("kept", kept) + interface("ended", ended))
    process = start("--config", str(settings))
    with connected(kept) as connection, connected(ended) as other:
        assert exchange(connection) == ANSWER
        assert exchange(other) == ANSWER
        settings.write_text(head + interface("kept", kept) + "  - {name: broken}\n")
        os.kill(process.pid, signal.SIGHUP)
        assert process.stderr is not None
        assert any("the settings are not taken" in line for line in process.stderr)
        settings.write_text(head + interface("kept", kept) + interface("new", new))
        os.kill(process.pid, signal.SIGHUP)
        with connected(new) as added:
            assert exchange(added) == ANSWER
        assert exchange(connection) == ANSWER
        assert other.recv(1) == b""
    told = eventually(lambda: text if "} 2" in (text := ask(page, "/metrics")) else "")
    assert 'caretrail_tap_messages_total{interface="kept"} 2' in told
    assert 'interface="ended"' not in told


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("mllp", "--listen", ":1"), "upstream"),
        (("mllp", "--listen", "x", "--forward", "h:1"), "is not host:port"),
        (("folder",), "path"),
        (("http", "--listen", ":1", "--forward", "h:1/a"), "is not an upstream"),
    ],
)
def test_options_that_do_not_fit_are_one_clear_line(
    arguments: tuple[str, ...], problem: str, tmp_path: Path
) -> None:
    ended = caretrail("tap", *arguments, cwd=tmp_path)
    assert ended.returncode == 2
    assert problem in ended.stderr
    assert "Traceback" not in ended.stderr


def test_without_a_site_key_it_says_how_to_make_one(tmp_path: Path) -> None:
    ended = caretrail("tap", "mllp", "--listen", ":1", "--forward", "h:1", cwd=tmp_path)
    assert ended.returncode == 2
    assert "site.key" in ended.stderr
