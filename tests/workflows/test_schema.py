"""The JSON Schema that editors complete with: it takes every shipped pack and points at what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from slo.workflows.model import Workflow
from tests.workflows.conftest import EVERY_WORD, PACKS

SCHEMA = Workflow.model_json_schema(by_alias=True)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", [*sorted(PACKS.glob("*.yaml")), EVERY_WORD], ids=lambda path: path.stem)
def test_it_takes_what_the_product_takes(path: Path) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(read(path))] == []


def test_it_points_at_what_is_wrong() -> None:
    document = read(EVERY_WORD)
    document["spec"]["for_each"] = "patient"
    document["spec"]["steps"][0]["wihtin"] = "5m"
    document["spec"]["steps"][1]["severity"] = "urgent"
    places = {error.json_path for error in VALIDATOR.iter_errors(document)}
    assert places == {"$.spec.for_each", "$.spec.steps[0]", "$.spec.steps[1].severity"}


def test_every_word_says_what_it_means() -> None:
    silent = [
        f"{name}.{word}"
        for name in ("Step", "Spec", "Match", "Metadata", "Facility", "Rules")
        for word, said in SCHEMA["$defs"][name]["properties"].items()
        if not said.get("description")
    ]
    assert silent == []
