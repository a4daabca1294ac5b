"""Imports point one way, and the house looks the way the design draws it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# A room: the rooms it may import. `simulator` may use public protocol modules only.
MAY_IMPORT = {
    "tracing": {"tracing"},
    "slo": {"slo", "tracing"},
    "collector": {"collector", "tracing"},
    "dashboard": {"dashboard", "slo", "tracing"},
    "simulator": {"simulator", "tracing.protocols"},
    "caretrail": {"caretrail", "collector", "dashboard", "simulator", "slo", "tracing"},
}
ROOMS = tuple(MAY_IMPORT)
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """(line, module) of every import in a file, the lazy ones inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import hides where it points"
            base = node.module or ""
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def inside(module: str, allowed: str) -> bool:
    return module == allowed or module.startswith(allowed + ".")


@pytest.mark.parametrize("room", ROOMS)
def test_imports_point_one_way(room: str) -> None:
    files = sorted((ROOT / room).rglob("*.py"))
    assert files, f"the room {room} is empty"
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in files
        for line, module in imports(path)
        if module.partition(".")[0] in ROOMS
        and not any(inside(module, allowed) for allowed in MAY_IMPORT[room])
    ]
    assert wrong == []


def test_no_module_is_named_after_nothing() -> None:
    named = {path.stem: path for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    assert FORBIDDEN_NAMES.isdisjoint(named)


def test_no_module_is_longer_than_a_reader_can_hold() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if (lines := path.read_text().count("\n")) > 400
    }
    assert long == {}


@pytest.mark.parametrize("room", ROOMS)
def test_every_module_says_what_it_is_for(room: str) -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in (ROOT / room).rglob("*.py")
        if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def test_what_the_user_fixed_stands_at_the_top() -> None:
    wanted = ["pyproject.toml", "collector", "tracing", "dashboard", "slo", "tests", "docker-compose.yml"]
    assert [name for name in wanted if not (ROOT / name).exists()] == []
