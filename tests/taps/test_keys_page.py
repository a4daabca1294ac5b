"""docs/journeys/keys.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from caretrail.settings import Settings
from collector.taps.config import HL7_KEYS
from collector.taps.hl7_identity import TRIGGERS
from collector.taps.hl7_keys import MRN_TYPES, is_record
from tracing.authorities import Authorities
from tracing.blanks import WORDS, is_blank
from tracing.keys import KINDS, SEARCH_ONLY
from tracing.protocols.usual_names import kind_of

PAGE = (Path(__file__).parents[2] / "docs" / "journeys" / "keys.md").read_text()


def section(title: str) -> str:
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def test_every_default_of_hl7_is_in_the_table() -> None:
    rows = [row for row in section("What is read from where").splitlines() if row.startswith("| ")]
    for key in HL7_KEYS:
        (row,) = [row for row in rows if re.search(rf"\b{key.path}\b", row)]
        assert row.startswith(f"| {key.kind}")
        assert (key.of is None) or f":{key.of.upper()}" in row
    assert all(is_record(one) and (not one or one in PAGE) for one in MRN_TYPES)


def test_the_example_is_one() -> None:
    (block,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    settings = Settings.model_validate(yaml.safe_load(block))
    assert Authorities(settings.identity).authority("northside") == "NSH"
    assert ", ".join(kind for kind in KINDS if kind not in SEARCH_ONLY) in PAGE


def test_every_event_is_in_the_table() -> None:
    table = section("What a message says about identity")
    assert set(re.findall(r"\bA\d\d\b", table)) == TRIGGERS


def test_what_is_no_number_is_none_and_nothing_else() -> None:
    text = section("What is no number")
    listed, numbers = text.split("`7`", 1)
    examples = re.findall(r"`([^`a-z]+)`", listed)
    assert len(examples) >= 10
    assert all(is_blank(one) for one in examples)
    assert not any(is_blank(one) for one in ["7", *re.findall(r"`([0-9]+)`", numbers)])
    named = {re.sub(r"\s", "", word) for word in re.findall(r"[A-Z]{2,}(?:\s+[A-Z]{2,})*", listed)}
    assert named | {"X"} == WORDS


def test_the_usual_names_are_known() -> None:
    table = section("What is read from where").partition("### ERP")[2]
    for row in re.findall(r"^\| (?!kind|-)(.+?) \| (.+?) \|$", table, re.MULTILINE):
        kinds = {kind.strip() for kind in row[0].split(",")}
        named = [name.strip(" `") for name in re.split(r"[,;]|also", row[1]) if name.strip(" `")]
        assert named
        for name in named:
            assert (kind_of(name) or kind_of(f"{name} number")) in kinds, name
    assert [kind_of(one) for one in ("account number", "order number", "reference")] == ["", "", ""]
