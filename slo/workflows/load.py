"""Reads a workflow from YAML; every complaint names the file, the line, the key and the nearest valid word.

Called by activation, `caretrail workflow check` and the evaluator (which reads stored definitions).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from slo import calendars
from slo.calendars import Calendar
from slo.workflows.model import Workflow
from tracing.documents import Document, DocumentError, check, nearest, read, read_file


class WorkflowError(DocumentError):
    """A workflow file is wrong; `problems` has a line each, "file:line: key: reason"."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A workflow, its own text, and the calendars it names, by name."""

    workflow: Workflow
    text: str
    calendars: Mapping[str, Calendar]


def load(path: str | Path, calendar_folder: Path | None = None) -> Workflow:
    """The workflow in a file. Raises WorkflowError."""
    return define(path, calendar_folder).workflow


def define(path: str | Path, calendar_folder: Path | None = None) -> Definition:
    """The workflow in a file with its text and calendar. Raises WorkflowError."""
    try:
        documents = read_file(Path(path))
    except DocumentError as error:
        raise WorkflowError(error.problems) from None
    return _define(documents, str(path), Path(path).read_text(encoding="utf-8"), calendar_folder)


def define_text(text: str, name: str, calendar_folder: Path | None = None) -> Definition:
    """The workflow in a text; `name` stands for the file in messages. Raises WorkflowError."""
    try:
        documents = read(text, name)
    except DocumentError as error:
        raise WorkflowError(error.problems) from None
    return _define(documents, name, text, calendar_folder)


def _define(documents: list[Document], name: str, text: str, calendar_folder: Path | None) -> Definition:
    if len(documents) != 1:
        raise WorkflowError([f"{name}:1: document: holds {len(documents)} documents, one workflow a file"])
    document = documents[0]
    if not isinstance(document.data, dict):
        raise WorkflowError(
            [f"{name}:1: document: must be a mapping with apiVersion, kind, metadata and spec"]
        )
    try:
        workflow = check(Workflow, document)
    except DocumentError as error:
        raise WorkflowError(error.problems) from None
    return Definition(workflow, text, _calendars(workflow, document, calendar_folder))


def _calendars(workflow: Workflow, document: Document, folder: Path | None) -> dict[str, Calendar]:
    spec = workflow.spec
    named = {("spec", "calendar"): spec.calendar} | {
        ("spec", "facilities", name, "calendar"): facility.calendar
        for name, facility in spec.facilities.items()
    }
    return {
        wanted: _calendar(wanted, document.place(place), folder)
        for place, wanted in named.items()
        if wanted is not None
    }


def _calendar(wanted: str, place: str, folder: Path | None) -> Calendar:
    try:
        return calendars.load(wanted, folder)
    except LookupError:
        own = sorted(file.stem for file in folder.glob("*.yaml")) if folder else []
        known = [*calendars.SHIPPED, *own]
        raise WorkflowError(
            [f"{place}: no calendar {wanted!r}{nearest(wanted, known)}; known are {', '.join(known)}"]
        ) from None
    except ValueError as error:
        raise WorkflowError([f"{place}: {error}"]) from None
