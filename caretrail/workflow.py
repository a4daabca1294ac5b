"""`caretrail workflow check|test|explain|diff|schema FILE…`: is a workflow right, and what does it mean?

Exit code 1 when a file is wrong, a verdict of its examples is another than expected, or two files differ in
meaning; every problem is one line with file, line and key.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from slo.workflows import define, packs
from slo.workflows.changes import changes
from slo.workflows.compile import Compiled
from slo.workflows.examples import beside
from slo.workflows.examples import run as run_examples
from slo.workflows.load import Definition
from slo.workflows.model import Workflow
from slo.workflows.words import in_words
from tracing.documents import DocumentError


def run(options: argparse.Namespace) -> int:
    """Do what the action says with the files."""
    if options.action == "schema":
        print(json.dumps(Workflow.model_json_schema(), indent=2))
        return 0
    if not options.files:
        print(f"caretrail workflow {options.action}: name a file or a shipped pack", file=sys.stderr)
        return 1
    if options.action == "diff":
        return _diff(options.files)
    # Every file is looked at, whatever is wrong with the ones before.
    return max([_each(name, _ACTIONS[options.action]) for name in options.files])


def _each(name: str, action: Callable[[Path, Definition], int]) -> int:
    path = _path(name)
    try:
        return action(path, define(path))
    except DocumentError as error:
        print(error, file=sys.stderr)
        return 1


def _path(name: str) -> Path:
    return packs.shipped().get(name) or Path(name)


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
    print("\n".join(in_words(definition.workflow)))
    print("\nWhat becomes a checkpoint, as ClickHouse is asked:\n")
    print(Compiled(definition.workflow, 1, definition.calendar).checkpoints_select("spans"))
    return 0


def _diff(names: list[str]) -> int:
    if len(names) != 2:
        print("caretrail workflow diff: name two files, the old one first", file=sys.stderr)
        return 1
    try:
        old, new = (define(_path(name)).workflow for name in names)
    except DocumentError as error:
        print(error, file=sys.stderr)
        return 1
    found = changes(old, new)
    print("\n".join(found) if found else "both mean the same")
    return 1 if found else 0


_ACTIONS = {"check": _check, "test": _test, "explain": _explain}
