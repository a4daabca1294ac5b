"""The compose file obeys the Compose Specification, and every role in it reads settings that are right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from caretrail.main import build_parser
from caretrail.settings import load

ROOT = Path(__file__).parents[2]
SCHEMA = Path(__file__).parent / "compose-spec" / "compose-spec.json"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return found


def problems(document: Any) -> list[str]:
    validator = jsonschema.Draft7Validator(json.loads(SCHEMA.read_text()))
    return [f"{'/'.join(map(str, error.path))}: {error.message}" for error in validator.iter_errors(document)]


def test_obeys_the_specification(compose: dict[str, Any]) -> None:
    assert problems(compose) == []


def test_the_schema_would_notice_a_mistake(compose: dict[str, Any]) -> None:
    broken = json.loads(json.dumps(compose))
    broken["services"]["collector"]["prots"] = ["4318:4318"]
    assert any("prots" in problem for problem in problems(broken))


def test_has_every_part_and_pins_what_is_not_ours(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert set(services) == {
        "clickhouse", "collector", "evaluator", "dashboard", "tap", "alertmanager", "hospital"
    }  # fmt: skip
    assert services["clickhouse"]["image"].startswith("clickhouse/clickhouse-server:26.")
    assert services["hospital"]["profiles"] == ["hospital"]
    for service in services.values():
        assert ":" in service["image"]
        assert not service["image"].endswith(":latest")


def test_every_command_is_one_the_command_line_knows(compose: dict[str, Any]) -> None:
    parser = build_parser()
    for name in ("collector", "evaluator", "dashboard", "tap", "hospital"):
        assert parser.parse_args(compose["services"][name]["command"]).module.startswith("caretrail.")


@pytest.mark.parametrize("file", ["caretrail.yaml", "tap.yaml"])
def test_the_settings_it_mounts_are_right(file: str) -> None:
    assert load(ROOT / "deploy" / "compose" / file).settings.site.id == "northside"


def test_what_is_mounted_exists_or_is_a_secret_the_docs_tell_to_make(compose: dict[str, Any]) -> None:
    for config in compose["configs"].values():
        assert (ROOT / config["file"]).is_file()
    ignored = (ROOT / "deploy" / "compose" / ".gitignore").read_text().split()
    assert sorted(Path(secret["file"]).name for secret in compose["secrets"].values()) == sorted(ignored)
