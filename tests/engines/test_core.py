"""The core with an engine to ask, on real sockets: its numbers and messages come out at the REST API."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from caretrail.core import Core
from caretrail.settings import load
from tests.engines.mirth_stand_in import PASSWORD, USER, Channel, Connector, Engine, Message
from tests.ports import free_port
from tracing.context import SiteKey
from tracing.keys import Key, Sealer
from tracing.store import open_store

SETTINGS = """
store: {{url: "{store}"}}
collector: {{http: "127.0.0.1:{otlp}", grpc: null}}
dashboard: {{listen: "127.0.0.1:{pages}"}}
workflows: []
objectives: []
engines:
- name: oie
  url: {engine}
  user: {user}
  password_file: engine-password
  poll_seconds: 1
  interfaces: {{ADT in: ehr-adt}}
  messages: {{channels: [ADT in], keys: [{{kind: visit, column: VISIT}}], authority: NSH}}
"""


@contextmanager
def running(folder: Path, store: str, engine: Engine) -> Iterator[Callable[..., Any]]:
    """A core; what it gives asks its REST interface."""
    (folder / "engine-password").write_text(PASSWORD)
    SiteKey.create(folder / "site.key")
    pages = free_port()
    text = SETTINGS.format(store=store, otlp=free_port(), pages=pages, engine=engine.url, user=USER)
    (folder / "caretrail.yaml").write_text(text)
    core = Core(load(folder / "caretrail.yaml"), frozenset({"collector", "dashboard"}))
    core.start()

    def ask(path: str, body: Any = None, token: str | None = None) -> tuple[int, Any]:
        given = (folder / "api-token").read_text().strip() if token is None else token
        headers = {"Authorization": f"Bearer {given}", "Content-Type": "application/json"}
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"http://127.0.0.1:{pages}{path}", data, headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    try:
        yield ask
    finally:
        core.stop()


def until(found: Callable[[], Any]) -> Any:
    """What `found` gives once it is something."""
    end = time.monotonic() + 30
    while not (given := found()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.1)
    return given


@pytest.mark.slow
def test_an_engine_and_a_checkpoint_come_in_and_out(
    tmp_path: Path, new_database: Callable[[str], str]
) -> None:
    url = new_database("server")
    channel = Channel(
        "c-1", "ADT in", [Connector(0, "Source", "Connected (1)"), Connector(1, "To", queued=3)]
    )
    message = Message(1, "c-1", ["SENT"], {"VISIT": "V123"}, {"sourceChannelId": "c-0", "sourceMessageId": 9})
    with Engine([channel], [message]) as engine, running(tmp_path, url, engine) as ask:
        (row,) = until(lambda: ask("/api/v1/engines")[1]["engines"])
        (seen,) = row["channels"]
        assert (seen["name"], seen["interface"], seen["queued"]) == ("ADT in", "ehr-adt", 3)
        path = "/api/v1/engines/oie/channels/c-1/history"
        assert ask(path)[1]["minutes"][0]["deepest"] == 3
        told = {"workflow": "census", "step": "counted", "at": "2026-03-01T12:00:00Z"}
        keys = [{"kind": "visit", "authority": "NSH", "value": "V123"}]
        status, answer = ask("/api/v1/checkpoints", told | {"keys": keys})
        assert status == 200, answer
        assert answer["trace_id"] == Sealer(SiteKey.load(tmp_path / "site.key")).token(
            Key("visit", "NSH", "V123")
        )
        status, refused = ask("/api/v1/checkpoints", told | {"keys": [{"kind": "vist", "value": "V9"}]})
        assert (status, refused["details"][0]["fieldViolations"][0]["field"]) == (400, "keys[0].kind")
        assert ask("/api/v1/checkpoints", told | {"keys": keys}, token="wrong")[0] == 401
        described = ask("/api/v1/openapi.json")[1]["paths"]["/api/v1/checkpoints"]["post"]
        assert "keys" in described["requestBody"]["content"]["application/json"]["schema"]["properties"]
        with open_store(url) as store:
            sql = "SELECT interface, trace_id, links.span_id, attributes FROM spans ORDER BY interface"
            rows = until(lambda: found if len(found := store.query(sql).rows) == 2 else None)
        assert [interface for interface, *_ in rows] == ["census", "oie/ADT in"]
        assert {trace for _, trace, *_ in rows} == {answer["trace_id"]}
        assert len(rows[1][2]) == 1
        assert rows[1][3]["engine.source_message"] == "c-0:9"
