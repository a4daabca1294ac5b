"""`caretrail workflow check|test|explain|diff|schema`: what can be said of files alone, without a store.

Exit code 1 when a file is wrong, a verdict of its examples is another than expected, or two files differ in
meaning; every problem is one line with file, line and key.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from slo.workflows import checkpoints, define, packs
from slo.workflows.changes import changes
from slo.workflows.compile import Compiled
from slo.workflows.examples import beside
from slo.workflows.examples import run as run_examples
from slo.workflows.load import Definition
from slo.workflows.model import Workflow
from slo.workflows.words import in_words
from tracing.documents import DocumentError


def schema(_options: argparse.Namespace) -> int:
    """Print the JSON Schema."""
    print(json.dumps(Workflow.model_json_schema(by_alias=True), indent=2))
    return 0


def check(options: argparse.Namespace) -> int:
    """Say of every file whether it is right."""
    return _each(options.files, _check)


def test(options: argparse.Namespace) -> int:
    """Judge the examples beside every file."""
    return _each(options.files, _test)


def explain(options: argparse.Namespace) -> int:
    """Say in words and in SQL what every file means."""
    return _each(options.files, _explain)


def diff(options: argparse.Namespace) -> int:
    """Say what changes from the first file to the second."""
    if len(options.files) != 2:
        print("caretrail workflow diff: name two files, the old one first", file=sys.stderr)
        return 1
    try:
        old, new = (define(path_of(name)).workflow for name in options.files)
    except DocumentError as error:
        print(error, file=sys.stderr)
        return 1
    found = changes(old, new)
    print("\n".join(found) if found else "both mean the same")
    return 1 if found else 0


def path_of(name: str) -> Path:
    """A file, or the shipped pack of that name."""
    return packs.shipped().get(name) or Path(name)


def _each(names: list[str], action: Callable[[Path, Definition], int]) -> int:
    # Every file is looked at, whatever is wrong with the ones before.
    return max([_one(path_of(name), action) for name in names])


def _one(path: Path, action: Callable[[Path, Definition], int]) -> int:
    try:
        return action(path, define(path))
    except DocumentError as error:
        print(error, file=sys.stderr)
        return 1


def _check(path: Path, definition: Definition) -> int:
    workflow = definition.workflow
    print(f"{path}: {workflow.name}, {len(workflow.spec.steps)} steps, fine")
    return 0


def _test(path: Path, definition: Definition) -> int:
    examples = beside(path)
    if not examples.is_file():
        print(f"{path}: no examples; write some in {examples}", file=sys.stderr)
        return 1
    compared, wrong = run_examples(definition, examples)
    for line in wrong:
        print(line, file=sys.stderr)
    print(f"{examples}: {compared - len(wrong)} of {compared} verdicts as expected")
    return 1 if wrong else 0


def _explain(path: Path, definition: Definition) -> int:
    compiled = Compiled(definition.workflow, 1, definition.calendars)
    print("\n".join(in_words(definition.workflow)))
    print("\nWhat becomes a checkpoint, as ClickHouse is asked:\n")
    print(checkpoints.select([compiled], "spans"))
    print("\nWhat makes the facts of each instance of these checkpoints:\n")
    print(compiled.facts())
    return 0
