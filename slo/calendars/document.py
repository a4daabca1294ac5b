"""A YAML document that remembers the line of every key.

Used by the readers of calendars and objectives, so that every complaint about a file names the file, the line
and the key. It must never let a YAML error, a duplicate key or a wrong type through as anything but
`DocumentError`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import yaml

Path = tuple[str | int, ...]


class DocumentError(ValueError):
    """What is wrong in a file, where, and what to do: `file:line: key: problem`."""

    def __init__(self, source: str, line: int, key: str, problem: str) -> None:
        self.source, self.line, self.key, self.problem = source, line, key, problem
        place = f"{source}:{line}: {key}" if key else f"{source}:{line}"
        super().__init__(f"{place}: {problem}")


@dataclass(frozen=True)
class Document:
    """One parsed YAML document: plain data, and the line on which each key path stands."""

    source: str
    data: dict[str, Any]
    lines: Mapping[Path, int]

    def fail(self, path: Path, problem: str) -> NoReturn:
        """Raise `DocumentError` at `path`, or at the nearest parent that is in the file."""
        at = path
        while at and at not in self.lines:
            at = at[:-1]
        raise DocumentError(self.source, self.lines.get(at, 1), spell(path), problem)

    def mapping(
        self, path: Path, required: Sequence[str] = (), optional: Sequence[str] = ()
    ) -> dict[str, Any]:
        """The mapping at `path`, having every required key and none but the required and optional ones."""
        value = self.get(path)
        if not isinstance(value, dict):
            self.fail(path, f"must be a mapping with {', '.join(required) or 'keys'}")
        for key in required:
            if key not in value:
                self.fail((*path, key), "is missing")
        allowed = (*required, *optional)
        for key in value:
            if not isinstance(key, str):
                self.fail(path, f"has the key {key!r}, which YAML does not read as text: put it in quotes")
            if key not in allowed:
                self.fail((*path, key), f"is not known here; known are {', '.join(allowed)}")
        return value

    def sequence(self, path: Path) -> list[Any]:
        """The non-empty list at `path`."""
        value = self.get(path)
        if not isinstance(value, list) or not value:
            self.fail(path, "must be a list with at least one entry")
        return value

    def text(self, path: Path, default: str | None = None) -> str:
        """The non-empty string at `path`; `default` when the key is absent."""
        value = self.get(path, default)
        if not isinstance(value, str) or not value.strip():
            self.fail(path, "must be a text")
        return value

    def integer(self, path: Path, low: int, high: int, default: int | None = None) -> int:
        """The whole number at `path`, between `low` and `high` inclusive."""
        value = self.get(path, default)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            self.fail(path, f"must be a whole number from {low} to {high}")
        return value

    def number(self, path: Path) -> float:
        """The number at `path`."""
        value = self.get(path)
        if not isinstance(value, int | float) or isinstance(value, bool):
            self.fail(path, "must be a number")
        return float(value)

    def choice(self, path: Path, allowed: Sequence[str]) -> str:
        """The text at `path`, one of `allowed`."""
        value = self.get(path)
        if value not in allowed:
            self.fail(path, f"is {value!r}; must be one of {', '.join(allowed)}")
        return str(value)

    def has(self, path: Path) -> bool:
        """Whether the key path is in the file."""
        return path in self.lines

    def get(self, path: Path, default: Any = None) -> Any:
        """The value at `path`, or `default`."""
        value: Any = self.data
        for part in path:
            if isinstance(value, dict):
                known = part in value
            else:
                known = isinstance(value, list) and isinstance(part, int) and part < len(value)
            if not known:
                return default
            value = value[part]
        return value


def parse(text: str, source: str) -> Document:
    """Parse one YAML document; `source` is the name used in messages (a path as the user wrote it)."""
    documents = parse_all(text, source)
    if len(documents) != 1:
        raise DocumentError(source, 1, "", f"must hold one document, holds {len(documents)}")
    return documents[0]


def parse_all(text: str, source: str) -> list[Document]:
    """Parse every `---` separated YAML document of a file. Raises `DocumentError`."""
    loader = yaml.SafeLoader(text)
    documents = []
    try:
        while loader.check_node():
            node = loader.get_node()
            if not isinstance(node, yaml.MappingNode):
                line = node.start_mark.line + 1 if node is not None else 1
                raise DocumentError(source, line, "", "must be a mapping of keys to values")
            lines: dict[Path, int] = {(): node.start_mark.line + 1}
            _collect(node, (), lines, source)
            documents.append(Document(source, loader.construct_document(node), lines))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise DocumentError(source, mark.line + 1 if mark else 1, "", str(error.problem)) from error
    except (yaml.YAMLError, ValueError, TypeError) as error:
        if isinstance(error, DocumentError):
            raise
        raise DocumentError(source, 1, "", f"is not readable as YAML: {error}") from error
    finally:
        loader.dispose()
    return documents


def spell(path: Path) -> str:
    """`("spec", "objectives", 0, "target")` as `spec.objectives[0].target`."""
    words = ""
    for part in path:
        words += f"[{part}]" if isinstance(part, int) else f".{part}" if words else part
    return words


def _collect(node: yaml.Node, path: Path, lines: dict[Path, int], source: str) -> None:
    if isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            here = (*path, str(key_node.value))
            line = key_node.start_mark.line + 1
            if here in lines:
                raise DocumentError(
                    source, line, spell(here), f"is given twice (first on line {lines[here]})"
                )
            lines[here] = line
            _collect(value_node, here, lines, source)
    elif isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            lines[(*path, index)] = child.start_mark.line + 1
            _collect(child, (*path, index), lines, source)
