"""The compose file's commands, each as a process of its own, against ClickHouse's HTTP interface."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from caretrail.children import Child
from caretrail.client import Client, CouldNotAsk
from caretrail.main import main
from caretrail.settings import load
from collector.taps.replay import open_history
from simulator import history
from simulator.recording import read
from tests.front.demo_process import eventually
from tests.ports import free_port
from tracing.context import SiteKey

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@pytest.fixture(scope="module")
def folder(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compose file's own settings with this machine's addresses in place of its containers'."""
    folder = tmp_path_factory.mktemp("roles")
    settings: dict[str, Any] = yaml.safe_load((ROOT / "deploy/compose/caretrail.yaml").read_text())
    settings["site"]["key_file"] = "site.key"
    settings["store"] = {"url": f"{server_url}/roles"}
    settings["collector"] |= {
        "http": f"127.0.0.1:{free_port()}",
        "grpc": f"127.0.0.1:{free_port()}",
        "wal": "wal",
    }
    settings["dashboard"] = {"listen": f"127.0.0.1:{free_port()}", "api_token_file": "api-token"}
    settings["alerts"] = {}
    (folder / "caretrail.yaml").write_text(yaml.safe_dump(settings))
    SiteKey.create(folder / "site.key")
    return folder


@pytest.fixture(scope="module")
def roles(folder: Path) -> Iterator[dict[str, Child]]:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    found = {}
    try:
        for name in ("collector", "evaluator", "dashboard"):
            command = [*compose[name]["command"], "--config", str(folder / "caretrail.yaml")]
            found[name] = Child(name, command, folder / f"{name}.log")
            found[name].start()
        yield found
    finally:
        for child in found.values():
            child.stop()


def test_three_processes_share_one_server(folder: Path, roles: dict[str, Child]) -> None:
    configuration = load(folder / "caretrail.yaml")
    settings = configuration.settings
    tap = load(ROOT / "deploy/compose/tap.yaml").settings
    end = time.time()
    history.write(folder / "rec.jsonl", folder / "truth.jsonl", 11, end - 86400, end, rate=20)
    endpoint = f"http://{settings.collector.http}"
    eventually(lambda: _ready(f"{endpoint}/readyz", roles["collector"]), within_s=90)
    key = SiteKey.load(folder / "site.key")
    with open_history(tap.interfaces, key, endpoint, folder / "spool", drain_seconds=30) as past:
        for record in read(folder / "rec.jsonl"):
            past.observer.observe_record(record)
        assert past.flush(60)
    eventually(lambda: _ready(f"http://{settings.dashboard.listen}/readyz", roles["dashboard"]), within_s=90)
    client = Client(f"http://{settings.dashboard.listen}", (folder / "api-token").read_text().strip())

    def judged() -> bool:
        try:
            found = client.get("/api/v1/workflows")["workflows"]
        except CouldNotAsk:
            return False
        return any(sum(workflow["counts"].values()) > 5 for workflow in found)

    assert eventually(judged, within_s=90)
    person = json.loads((folder / "truth.jsonl").read_text().splitlines()[-1])

    def found() -> bool:
        # What the collector acknowledged is stored, and glued, a moment later.
        journeys = client.post("/api/v1/journeys/search", {"value": person["account"]})["journeys"]
        return len(journeys) == 1

    assert eventually(found, within_s=60)


def test_store_commands_work_on_the_server(
    folder: Path, roles: dict[str, Child], capsys: pytest.CaptureFixture[str]
) -> None:
    config = str(folder / "caretrail.yaml")
    assert main(["store", "migrate", "--config", config]) == 0
    assert "up to date" in capsys.readouterr().out
    assert main(["store", "check", "--config", config]) == 0, capsys.readouterr().out
    assert main(["store", "ddl"]) == 0
    assert "CREATE TABLE" in capsys.readouterr().out
    assert main(["store", "ddl", "--engine", "cluster"]) == 0
    assert "ReplicatedReplacingMergeTree" in capsys.readouterr().out


def test_a_single_role_on_the_embedded_engine_says_why_it_cannot(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "caretrail.yaml").write_text("")
    for command in ("collector", "evaluate", "dashboard"):
        assert main([command, "--config", str(tmp_path / "caretrail.yaml")]) == 2
        assert "embedded engine allows one process" in capsys.readouterr().err


def _ready(url: str, child: Child) -> bool:
    assert child.exit_code() is None, child.last_line()
    try:
        return bool(_DIRECT.open(url, timeout=5).status == 200)
    except (urllib.error.URLError, OSError):
        return False
