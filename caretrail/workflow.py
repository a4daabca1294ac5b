"""`caretrail workflow check|explain FILE…`: is a workflow right, and what does it mean?

Exit code 1 when a file is wrong; every problem is one line with file, line and key.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from slo.workflows import define, packs
from slo.workflows.compile import Compiled
from tracing.documents import DocumentError


def run(options: argparse.Namespace) -> int:
    """Check, or check and explain, each file."""
    wrong = False
    for name in options.files:
        path = packs.shipped().get(name) or Path(name)
        try:
            definition = define(path)
        except DocumentError as error:
            print(error, file=sys.stderr)
            wrong = True
            continue
        workflow = definition.workflow
        print(f"{path}: {workflow.name}, {len(workflow.spec.steps)} steps, fine")
        if options.action == "explain":
            compiled = Compiled(workflow, 1, definition.calendar)
            print()
            for step in workflow.spec.steps:
                print(f"  {step.name}: within {step.within} of the start")
            print("\nWhat becomes a checkpoint, as ClickHouse is asked:\n")
            print(compiled.checkpoints_select("spans"))
    return 1 if wrong else 0
