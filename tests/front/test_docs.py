"""The documentation is true: generated pages are current, links lead somewhere, commands exist."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from caretrail import reference
from caretrail.main import build_parser
from tracing import attributes

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
_LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("path", sorted(reference.pages()), ids=lambda path: path.name)
def test_generated_pages_are_current(path: Path) -> None:
    assert path.read_text() == reference.pages()[path], "run: python -m caretrail.reference"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = [link for link in _LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert broken == []


def test_commands_in_the_docs_exist_and_every_command_is_documented() -> None:
    actions = next(action for action in build_parser()._actions if action.dest == "command")
    assert actions.choices is not None
    known = set(actions.choices)
    named = {
        word
        for page in PAGES
        for code in re.findall(r"`[^`\n]+`|^\S.*caretrail .*$", page.read_text(), re.M)
        for word in re.findall(r"(?:^|[`/\s])caretrail ([a-z]+)\b", code)
        if "`" in code or code.startswith((".venv/bin/caretrail", "caretrail", "docker"))
    }
    assert named - known == set()
    assert known - named == set()


def test_every_dependency_has_its_line() -> None:
    listed = (ROOT / "docs" / "dependencies.md").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(one for extra in project["optional-dependencies"].values() for one in extra),
    ]
    names = {re.split(r"[\[>=;\s]", one)[0] for one in wanted} - {"caretrail"}
    missing = [name for name in names if name not in listed and not name.startswith("types-")]
    assert missing == []


def test_nothing_of_one_machine_is_written_down() -> None:
    told = [
        f"{page.relative_to(ROOT)}: {word}"
        for page in PAGES
        for word in ("/work/", "/root/", "/opt/")
        if word in page.read_text()
    ]
    assert told == []


def test_every_attribute_has_a_line_in_its_table() -> None:
    assert reference.attribute_tables().count("\n| `") == len(attributes.REGISTRY)
