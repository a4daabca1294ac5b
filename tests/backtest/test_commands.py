"""`caretrail workflow …`: what actions ask, what they print, how they end, with and without an instance."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from caretrail import workflow_asking
from caretrail.client import CouldNotAsk
from caretrail.main import main
from tests.backtest.discharges import TEXT

GROUP = {
    "group": ["2026-03-12"], "currency": "", "state": "differs", "settled": 12, "waiting": 1, "cancelled": 0,
    "exempt": 0, "differing": 1, "counts": [12, 11], "values": [12.0, 11.0], "unmeasured": [0, 0],
    "net": 1.0, "gross": 1.0,
}  # fmt: skip
SAID = {"step": "used", "count": 1, "value": 1.0, "why": "", "messages": []}
REPORT = {
    "title": "Implants", "measure": "quantity", "steps": ["used", "decremented"], "by": ["day"],
    "since": "2026-03-05T05:00:00Z", "state": "differs", "differing": 1, "groups": [GROUP],
    "differences": [
        {
            "journey": "4b" * 16, "item": "", "currency": "", "began": "2026-03-12T05:00:00Z",
            "said": [SAID, {**SAID, "step": "decremented", "count": 0, "value": 0.0, "why": "missing"}],
        }
    ],
}  # fmt: skip


class Instance:
    """Answers like a running one; keeps what it was asked."""

    def __init__(self) -> None:
        self.answer: dict[str, Any] = {"reports": [REPORT]}
        self.asked: list[tuple[str, Any]] = []

    def get(self, path: str) -> Any:
        self.asked.append((path, None))
        return self.answer

    def post(self, path: str, body: dict[str, Any]) -> Any:
        self.asked.append((path, body))
        return self.answer


@pytest.fixture
def instance(monkeypatch: pytest.MonkeyPatch) -> Instance:
    one = Instance()
    monkeypatch.setattr(workflow_asking, "connect", lambda *_: one)
    return one


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    path = tmp_path / "draft.yaml"
    path.write_text(TEXT)
    return path


def test_a_difference_is_told_and_ends_with_one(
    instance: Instance, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["workflow", "reconcile", "implants", "--by", "day", "--by", "facility", "--days", "3"]
    assert main(asked) == 1
    assert instance.asked == [
        ("/api/v1/workflows/implants/reconciliation?days=3&limit=20&by=day&by=facility", None)
    ]
    said = capsys.readouterr().out
    assert "used 1, decremented 0 (missing)" in " ".join(said.split())
    assert "differs" in said
    instance.answer = {"reports": [{**REPORT, "state": "agrees", "groups": [{**GROUP, "state": "agrees"}]}]}
    assert main([*asked, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == instance.answer


def test_an_activation_says_from_when_it_judges(
    instance: Instance, draft: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    instance.answer = {"workflow": "discharge-to-cash", "version": 3, "changed": True}
    activate = ["workflow", "activate", str(draft)]
    assert main(activate) == 0
    assert "version 3 is active: it judges what starts from now on" in capsys.readouterr().out
    assert main([*activate, "--rescore"]) == 0
    assert "what started since the beginning is judged anew" in capsys.readouterr().out
    assert main([*activate, "--rescore", "2026-03-01T00:00:00+00:00"]) == 0
    assert [(body["rescore"], body.get("since")) for _, body in instance.asked] == [
        (False, None),
        (True, "1970-01-01T00:00:00+00:00"),
        (True, "2026-03-01T00:00:00+00:00"),
    ]


def test_a_wrong_draft_is_told_where_and_nobody_is_asked(
    instance: Instance, draft: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draft.write_text(TEXT.replace("within: 15m", "within: soon"))
    for action in ("backtest", "activate"):
        assert main(["workflow", action, str(draft)]) == 1
        assert f"{draft}:14:" in capsys.readouterr().err
    assert instance.asked == []


def test_a_proposal_goes_where_it_is_wanted(
    instance: Instance, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    instance.answer = {
        "yaml": "apiVersion: caretrail/v1\n", "start": "ADT^A03@ehr-adt", "journeys": 60, "coverage": 0.9,
        "coverage_of": 50, "paths": [{"activities": ["a", "b"], "journeys": 40}],
        "for_each": "order", "did": ["gathered the messages of 30 days: 0.4 s"],
    }  # fmt: skip
    assert main(["workflow", "discover", "--journey", "visit", "--start", "ADT^A03@ehr-adt"]) == 0
    said = capsys.readouterr()
    assert said.out == "apiVersion: caretrail/v1\n"
    assert "60 orders began with ADT^A03@ehr-adt; 90.0% of 50 follow the proposal" in said.err
    assert "gathered the messages of 30 days: 0.4 s" in said.err
    assert main(["workflow", "discover", "-o", str(tmp_path / "out.yaml")]) == 0
    assert (tmp_path / "out.yaml").read_text() == "apiVersion: caretrail/v1\n"
    assert capsys.readouterr().out == ""


def test_an_instance_that_refuses_is_no_reason_to_open_the_store(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuses(*_: object) -> None:
        raise CouldNotAsk("answered 403: your role does not include this")

    monkeypatch.setattr(workflow_asking, "connect", refuses)
    assert main(["workflow", "versions", "x"]) == 3
    assert "your role does not include this" in capsys.readouterr().err


@pytest.mark.slow
def test_without_an_instance_the_store_is_opened_here(draft: Path, tmp_path: Path) -> None:
    config = tmp_path / "caretrail.yaml"
    config.write_text("site: {id: northside, name: Northside Health}\nstore: {url: 'chdb:store'}\n")
    code = (
        "import sys\nfrom caretrail.main import main\n"
        f"common = ['--config', {str(config)!r}]\n"
        f"print(main(['workflow', 'activate', {str(draft)!r}, *common]))\n"
        "print(main(['workflow', 'versions', 'discharge-to-cash', *common]))\n"
        "print(main(['workflow', 'reconcile', 'discharge-to-cash', *common]))\n"
        "print(main(['workflow', 'conform', 'nothing', *common]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    lines = done.stdout.split("\n")
    assert "discharge-to-cash version 1 is active" in done.stdout, done.stderr
    assert [line for line in lines if line in "0123" and line] == ["0", "0", "0", "3"], done.stderr
    assert "the beginning" in done.stdout
    assert "there is no active workflow 'nothing'" in done.stderr
