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
    """Print the checks, worst first."""
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
        for check in report["checks"]:
            console.print(_line(check))
    return 0 if all(check["state"] == "ok" for check in report["checks"]) else 1


def _line(check: dict[str, Any]) -> Text:
    shape, colour = {"ok": ("✓", "#009E73"), "warning": ("▲", "#E69F00")}.get(
        check["state"], ("■", "#D55E00")
    )
    line = Text.assemble((f"{shape} ", colour), (check["name"], "bold"), "  ", check["detail"])
    if check["advice"]:
        line.append(f"\n    {check['advice']}", style="bright_black")
    return line
