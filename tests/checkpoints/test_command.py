"""`caretrail checkpoint`: from a shell script to the log of the collector, values as tokens."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from caretrail.main import main
from tests.receiver.conftest import Running
from tracing.keys import Key, Sealer

AT = "2026-03-01T12:00:00Z"


@pytest.fixture
def say(collector: Running, site_key: Path) -> Any:
    def command(*words: str) -> int:
        return main(["checkpoint", "--url", collector.url, "--site-key", str(site_key), *words])

    return command


def test_a_step_of_a_workflow(
    say: Any, collector: Running, sealer: Sealer, capsys: pytest.CaptureFixture[str]
) -> None:
    words = "--workflow census --step counted --key visit:V123 --key mrn:M:9 --authority NSH --measure beds=3"
    assert say(*words.split(), "--attribute", "unit=ICU", "--at", AT) == 0
    out = capsys.readouterr().out
    assert out == f"1 checkpoint taken, trace {sealer.token(Key('visit', 'NSH', 'V123'))}\n"
    (span,) = collector.spans()
    found = {one.key: one.value for one in span.attributes}
    assert found["integration.message"].string_value == "counted"
    assert found["integration.measure.beds"].double_value == 3
    assert found["integration.attribute.unit"].string_value == "ICU"
    assert span.start_time_unix_nano == 1_772_366_400_000_000_000
    sealed = found["journey.keys.sealed"].array_value.values
    assert sealer.open(sealed[1].string_value) == Key("mrn", "NSH", "M:9")
    assert b"V123" not in b"".join(collector.bodies())


def test_settings_say_where_and_a_value_may_come_from_standard_input(
    collector: Running, site_key: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = site_key.parent / "caretrail.yaml"
    settings.write_text(f"taps: {{endpoint: '{collector.url}'}}\n")
    monkeypatch.setattr("sys.stdin", io.StringIO("V123\n"))
    words = "--interface bed-board --source beds --destination billing --message released --key visit:-"
    assert main(["checkpoint", "--config", str(settings), *words.split(), "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"trace_id", "span_id"}
    assert len(collector.spans()) == 1


def test_a_file_holds_many(say: Any, collector: Running, tmp_path: Path, capsys: Any) -> None:
    one = {"workflow": "census", "step": "counted", "at": AT}
    many = [one | {"keys": [{"kind": "visit", "value": f"V{number}"}]} for number in range(3)]
    path = tmp_path / "many.json"
    path.write_text(json.dumps(many))
    assert say("--file", str(path)) == 0
    assert capsys.readouterr().out == "3 checkpoints taken\n"
    assert len(collector.spans()) == 3


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--workflow census --step counted", "--key: name at least one"),
        ("--workflow census --step counted --key V123", "--key: write kind:value"),
        ("--workflow census --step counted --key vist:V123", "did you mean 'visit'?"),
        ("--workflow census --key visit:V123", "workflow and step go together"),
        ("--workflow census --step counted --key visit:V123 --measure V123", "--measure: write"),
        ("--workflow census --step counted --key visit:V123 --measure a=V123", "--measure: write"),
        ("--workflow census --step counted --key visit:V123 --at V123", "--at: write"),
        ("--workflow census --step counted --key visit:V123 --outcome V123", "outcome: is none of"),
        ("--file V123", "--file: cannot read it"),
    ],
)
def test_a_wrong_word_ends_with_2_and_no_value_is_repeated(
    say: Any, collector: Running, words: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert say(*words.split()) == 2
    error = capsys.readouterr().err
    assert told in error
    assert "V123" not in error.replace("visit:V123", "")
    assert collector.bodies() == []


def test_a_collector_that_is_gone_ends_with_3(
    site_key: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("collector.checkpoint_client.time.sleep", lambda seconds: None)
    words = "--workflow census --step counted --key visit:V123 --url http://127.0.0.1:9 --site-key"
    assert main(["checkpoint", *words.split(), str(site_key)]) == 3
    assert "no collector answers" in capsys.readouterr().err
