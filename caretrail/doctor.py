"""`caretrail doctor`: is everything that was accepted on its way, and if not, what is in the way?

Asks the running instance. Exit code 0: well; 1: something needs somebody; 3: could not ask.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from rich.console import Console
from rich.text import Text

from caretrail.client import CouldNotAsk, connect


def run(options: argparse.Namespace) -> int:
    """Print the findings, worst first."""
    try:
        report = connect(options.config).get("/api/v1/doctor")
    except CouldNotAsk as error:
        print(f"caretrail doctor: {error}", file=sys.stderr)
        return 3
    if options.json:
        json.dump(report, sys.stdout, indent=2)
        print()
    else:
        console = Console(highlight=False)
        for finding in report["findings"]:
            console.print(_line(finding))
    return 0 if all(finding["state"] == "ok" for finding in report["findings"]) else 1


def _line(finding: dict[str, Any]) -> Text:
    shape, colour = {"ok": ("✓", "#009E73"), "warning": ("▲", "#E69F00")}.get(
        finding["state"], ("■", "#D55E00")
    )
    line = Text.assemble((f"{shape} ", colour), (finding["what"], "bold"), "  ", finding["says"])
    if finding.get("do"):
        line.append(f"\n    {finding['do']}", style="bright_black")
    return line
