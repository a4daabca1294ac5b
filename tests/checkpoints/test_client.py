"""The client of applications: light, patient, and with a site key nothing readable leaves."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from collector.checkpoint_client import CheckpointNotTaken, CheckpointRefused, checkpoint
from tests.receiver.conftest import Running
from tracing.keys import Key, Sealer

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CENSUS: dict[str, Any] = {"workflow": "census", "step": "counted", "authority": "NSH", "at": NOON}


@contextmanager
def listener(*answers: tuple[int, dict[str, str], bytes]) -> Iterator[tuple[str, list[bytes]]]:
    """An HTTP server with these answers, one after the other, and what it was sent."""
    sent: list[bytes] = []
    waiting = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent.append(self.path.encode() + b" " + self.rfile.read(int(self.headers["Content-Length"])))
            status, headers, body = waiting.pop(0)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", sent
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_with_or_without_the_site_key_it_is_the_same_span(
    collector: Running, site_key: Path, sealer: Sealer
) -> None:
    told = {"keys": {"visit": "V123", "mrn": "M9"}, "measures": {"beds": 3.0}, "id": "7"} | CENSUS
    plain = checkpoint(collector.url, **told)
    sealed = checkpoint(collector.url + "/", site_key=site_key, **told)
    assert plain == sealed
    assert plain["trace_id"] == sealer.token(Key("visit", "NSH", "V123"))
    first, second = collector.spans()
    assert first == second


def test_with_the_site_key_nothing_readable_leaves(site_key: Path) -> None:
    with listener((200, {}, b"")) as (url, sent):
        # Long enough not to stand in a sealed value by chance.
        keys = [{"kind": "visit", "value": "V123456789"}]
        checkpoint(url, keys=keys, site_key=site_key, id="M987654321", **CENSUS)
    (body,) = sent
    assert body.startswith(b"/v1/traces ")
    assert b"V123456789" not in body
    assert b"M987654321" not in body


def test_it_waits_for_a_collector_that_is_full_and_gives_up_on_one_that_is_gone() -> None:
    full = (503, {"Retry-After": "0"}, b'{"message": "the log is full"}')
    with listener(full, (200, {}, b'{"trace_id": "a", "span_id": "b"}')) as (url, sent):
        assert checkpoint(url, keys={"visit": "V123"}, **CENSUS)["trace_id"] == "a"
    assert sent[0] == sent[1]
    with listener(full) as (url, _), pytest.raises(CheckpointNotTaken, match="503: the log is full"):
        checkpoint(url, keys={"visit": "V123"}, attempts=1, **CENSUS)
    with pytest.raises(CheckpointNotTaken, match="no collector answers"):
        checkpoint(url, keys={"visit": "V123"}, attempts=1, **CENSUS)
    with pytest.raises(CheckpointNotTaken, match="not an address"):
        checkpoint("collector", keys={"visit": "V123"}, **CENSUS)


@pytest.mark.parametrize("with_key", [False, True])
def test_what_is_wrong_is_named_and_never_quoted(collector: Running, site_key: Path, with_key: bool) -> None:
    key = site_key if with_key else None
    with pytest.raises(CheckpointRefused, match="outcome: is none of") as caught:
        checkpoint(collector.url, keys={"visit": "V123"}, outcome="V123", site_key=key, **CENSUS)
    assert "V123" not in str(caught.value)
    with pytest.raises(CheckpointRefused, match=r"keys\[0\]\.kind: is none of .*did you mean 'visit'"):
        checkpoint(collector.url, keys={"vist": "V123"}, site_key=key, **CENSUS)
    assert collector.bodies() == []


def test_it_needs_nothing_but_the_standard_library() -> None:
    script = (
        "import sys; import collector.checkpoint_client; "
        "print(sorted({name.partition('.')[0] for name in sys.modules} "
        "& {'pydantic', 'cryptography', 'google', 'starlette', 'requests', 'yaml'}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
