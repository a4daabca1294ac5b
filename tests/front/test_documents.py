"""What a person typed wrong is told with file, line, key, and the nearest right word."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from tracing import documents
from tracing.documents import DocumentError


class Step(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    within: int = 0
    kind: Literal["a", "b"] = "a"


class Plan(BaseModel):
    model_config = ConfigDict(extra="forbid")
    title: str
    steps: list[Step] = Field(default_factory=list)


def problem(text: str) -> str:
    with pytest.raises(DocumentError) as caught:
        documents.check(Plan, documents.read(text, "plan.yaml")[0])
    return str(caught.value)


def test_a_misspelt_key_is_named_with_its_line_and_the_right_word() -> None:
    text = "title: x\nsteps:\n  - name: one\n  - name: two\n    wihtin: 3\n"
    assert problem(text) == "plan.yaml:5:5: steps[1].wihtin: unknown key (did you mean 'within'?)"


def test_a_missing_key_is_told_where_it_should_stand() -> None:
    assert problem("title: x\nsteps:\n  - within: 3\n") == "plan.yaml:3:5: steps[0].name: missing"


def test_every_problem_is_told_at_once() -> None:
    assert problem("steps:\n  - {name: a, within: soon}\n").splitlines() == [
        "plan.yaml:1:1: title: missing",
        "plan.yaml:2:15: steps[0].within: input should be a valid integer, "
        "unable to parse string as an integer",
    ]


@pytest.mark.parametrize("text", ["a: [1,\n", "a: b: c\n", "\tx: 1\n", "x: \x00\n", "? [1, 2]\n: 3\n"])
def test_what_is_no_yaml_or_no_mapping_is_a_document_error(text: str) -> None:
    with pytest.raises(DocumentError, match=r"plan\.yaml:\d+:\d+: "):
        documents.check(Plan, documents.read(text, "plan.yaml")[0])


def test_values_are_never_repeated() -> None:
    assert "s3cret" not in problem("title: [s3cret]\n")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="cannot be read"):
        documents.read_file(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"title: caf\xe9\n")
    with pytest.raises(DocumentError, match="not UTF-8"):
        documents.read_file(tmp_path / "latin.yaml")
