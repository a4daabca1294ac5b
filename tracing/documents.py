"""YAML documents that people write: read with positions, checked against a model, errors that name the place.

Called by the settings, workflow and objective loaders. Must never raise anything but `DocumentError` for what
a person typed, and must never echo values (a document may hold a password), only keys and reasons.
"""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

ModelT = TypeVar("ModelT", bound=BaseModel)
Location = tuple[str | int, ...]


class DocumentError(ValueError):
    """What is wrong in a document: `problems` has one line each, "file:line:column: key: reason"."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document. `marks` maps the location of each key or item to its line and column, from 1."""

    name: str
    data: Any
    marks: dict[Location, tuple[int, int]]

    def place(self, location: Iterable[str | int]) -> str:
        """ "file:line:column: key.path[2]" for the nearest enclosing thing that has a place."""
        whole = tuple(location)
        known = whole
        while known and known not in self.marks:
            known = known[:-1]
        line, column = self.marks.get(known, (1, 1))
        return f"{self.name}:{line}:{column}: {spell(whole) or 'document'}"


def spell(location: Iterable[str | int]) -> str:
    """("steps", 1, "within") -> "steps[1].within"."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else part)
    return text


def read(text: str, name: str) -> list[Document]:
    """All documents of a YAML stream. Raises DocumentError when it is no YAML."""
    try:
        nodes = [node for node in yaml.compose_all(text, Loader=yaml.SafeLoader) if node is not None]
        documents = []
        for node in nodes:
            marks: dict[Location, tuple[int, int]] = {}
            _walk(node, (), marks)
            documents.append(Document(name, _construct(node), marks))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{mark.line + 1}:{mark.column + 1}" if mark else "1:1"
        raise DocumentError([f"{name}:{place}: not valid YAML: {error.problem or error.context}"]) from None
    except yaml.YAMLError:
        raise DocumentError(
            [f"{name}:1:1: not valid YAML: holds characters that YAML does not allow"]
        ) from None
    return documents


def read_file(path: Path) -> list[Document]:
    """All documents of a file. Raises DocumentError when it cannot be read."""
    try:
        return read(path.read_text(encoding="utf-8"), str(path))
    except UnicodeDecodeError:
        raise DocumentError([f"{path}:1:1: not UTF-8 text"]) from None
    except OSError as error:
        raise DocumentError([f"{path}: cannot be read: {error.strerror}"]) from None


def check(model: type[ModelT], document: Document) -> ModelT:
    """The document as a model. Raises DocumentError with every problem, each with file, line and key."""
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        raise DocumentError([_explain(model, document, problem) for problem in error.errors()]) from None


def nearest(word: str, words: Iterable[str]) -> str:
    """ " (did you mean X?)", or nothing when no word is near."""
    found = difflib.get_close_matches(word, list(words), n=1, cutoff=0.6)
    return f" (did you mean {found[0]!r}?)" if found else ""


def _construct(node: yaml.Node) -> Any:
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _walk(node: yaml.Node, location: Location, marks: dict[Location, tuple[int, int]]) -> None:
    marks.setdefault(location, (node.start_mark.line + 1, node.start_mark.column + 1))
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*location, str(key.value))
            marks[inner] = (key.start_mark.line + 1, key.start_mark.column + 1)
            _walk(value, inner, marks)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _walk(value, (*location, index), marks)


def _explain(model: type[BaseModel], document: Document, problem: Any) -> str:
    location: Location = tuple(problem["loc"])
    place = document.place(part for part in location if _in_document(document, location, part))
    if problem["type"] == "extra_forbidden":
        word = str(location[-1])
        return f"{place}: unknown key{nearest(word, _keys_at(model, location[:-1]))}"
    if problem["type"] == "missing":
        return f"{place}: missing"
    reason = str(problem["msg"]).removeprefix("Value error, ")
    return f"{place}: {reason[:1].lower()}{reason[1:]}"


def _in_document(document: Document, location: Location, part: str | int) -> bool:
    """Pydantic puts tags of unions into locations; only what stands in the document (or should) is shown."""
    if part == location[-1] or isinstance(part, int):
        return True
    return any(part in known for known in document.marks)


def _keys_at(model: type[BaseModel], location: Location) -> list[str]:
    found: list[type[BaseModel]] = [model]
    for part in location:
        if isinstance(part, int):
            continue
        step: list[type[BaseModel]] = []
        for candidate in found:
            field = candidate.model_fields.get(part)
            if field is not None:
                step += _models_in(field.annotation)
        found = step or found
    return [field.alias or name for candidate in found for name, field in candidate.model_fields.items()]


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if typing.get_origin(annotation) is not None or isinstance(annotation, types.UnionType):
        return [model for inner in typing.get_args(annotation) for model in _models_in(inner)]
    return []
