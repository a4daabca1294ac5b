"""`caretrail workflow reconcile|discover|conform`: what history says of a workflow.

Exit code 1 when a reconciliation finds a difference, 3 when the store cannot be asked.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from rich.console import Console
from rich.table import Table

from caretrail.where import local
from caretrail.workflow_asking import COULD_NOT_ASK, Direct, asked, printed
from dashboard.workflow_answers import ConformanceAnswer, DiscoveryAnswer, ReconciliationAnswer

_STATES = {
    "differs": ("■ differs", "#D55E00"),
    "offset": ("■ agrees by chance", "#D55E00"),
    "tolerated": ("▲ within tolerance", "#E69F00"),
    "agrees": ("● agrees", "#009E73"),
}


def reconcile(options: argparse.Namespace) -> int:
    """Compare what the steps of a workflow counted."""

    def directly(direct: Direct) -> ReconciliationAnswer:
        reports = direct.workbench.reconcile(
            options.name, direct.now, options.days, options.by, options.measure, options.limit
        )
        return ReconciliationAnswer.of(reports)

    wanted = [("days", str(options.days)), ("limit", str(options.limit))]
    wanted += [("by", group) for group in options.by]
    wanted += [("measure", options.measure)] if options.measure else []
    path = f"/api/v1/workflows/{quote(options.name, safe='')}/reconciliation?{urlencode(wanted)}"
    answer = asked(options, path, None, directly)
    if answer is None:
        return COULD_NOT_ASK
    if not printed(options, answer):
        for report in answer["reports"]:
            _report(report, Console(highlight=False))
    return 1 if any(report["state"] in ("differs", "offset") for report in answer["reports"]) else 0


def discover(options: argparse.Namespace) -> int:
    """Propose a workflow."""

    def directly(direct: Direct) -> DiscoveryAnswer:
        found = direct.workbench.discover(options.journey, direct.now, options.days, options.start)
        return DiscoveryAnswer.of(found)

    body = {"journey": options.journey, "days": options.days, "start": options.start}
    answer = asked(options, "/api/v1/workflows/discover", body, directly)
    if answer is None:
        return COULD_NOT_ASK
    if options.output:
        Path(options.output).write_text(answer["yaml"], encoding="utf-8")
    if printed(options, answer):
        return 0
    if not options.output:
        print(answer["yaml"], end="")
    # Beside the YAML on standard output, which may go into a file.
    _paths(answer, Console(highlight=False, stderr=True))
    return 0


def conform(options: argparse.Namespace) -> int:
    """List how traffic leaves a workflow."""

    def directly(direct: Direct) -> ConformanceAnswer:
        return ConformanceAnswer.of(direct.workbench.conform(options.name, direct.now, options.days))

    path = f"/api/v1/workflows/{quote(options.name, safe='')}/conformance?days={options.days}"
    answer = asked(options, path, None, directly)
    if answer is None:
        return COULD_NOT_ASK
    if printed(options, answer):
        return 0
    console = Console(highlight=False)
    share = f" ({answer['good'] / answer['decided']:.1%})" if answer["decided"] else ""
    console.print(answer["title"], style="bold")
    console.print(
        f"{answer['began']} began since {local(answer['since'])}; "
        f"{answer['good']} of {answer['decided']} kept every deadline{share}"
    )
    if not answer["deviations"]:
        console.print("nothing left the workflow")
        return 0
    table = _table("times", "deviation", "", "for example")
    for one in answer["deviations"]:
        table.add_row(str(one["count"]), one["kind"], one["sentence"], (one["examples"] or [""])[0])
    console.print(table)
    if answer["kinds"] > len(answer["deviations"]):
        console.print(f"and {answer['kinds'] - len(answer['deviations'])} rarer kinds")
    return 0


def _report(report: dict[str, Any], console: Console) -> None:
    steps = report["steps"]
    console.print(f"\n{report['title']}: {report['measure']} along {', '.join(steps)}", style="bold")
    if not report["groups"]:
        console.print(f"nothing was counted since {local(report['since'])}")
        return
    table = _table(" · ".join(report["by"]), *steps, "", "still in time")
    for group in report["groups"]:
        word, colour = _STATES[group["state"]]
        name = " · ".join(part or "–" for part in group["group"])
        waiting = str(group["waiting"]) if group["waiting"] else ""
        values = (_amount(value, group["currency"]) for value in group["values"])
        table.add_row(name, *values, f"[{colour}]{word}[/]", waiting)
    console.print(table)
    if not report["differing"]:
        return
    console.print(f"\n{report['differing']} make the difference:")
    for one in report["differences"]:
        item = f" item {one['item']}" if one["item"] else ""
        said = ", ".join(
            f"{said['step']} {_amount(said['value'], one['currency'])}"
            + (f" ({said['why']})" if said["why"] else "")
            for said in one["said"]
        )
        console.print(f"  {one['journey']}{item}, began {local(one['began'])}: {said}")
    if report["differing"] > len(report["differences"]):
        print(f"  and {report['differing'] - len(report['differences'])} more; --limit lists them")


def _paths(answer: dict[str, Any], console: Console) -> None:
    cases = f"{answer['for_each']}s" if answer["for_each"] else "journeys"
    share = f"{answer['coverage']:.1%} of {answer['coverage_of']}"
    console.print()
    for line in answer["did"]:
        console.print(line, style="bright_black")
    console.print(f"{answer['journeys']} {cases} began with {answer['start']}; {share} follow the proposal")
    table = _table(cases, "path")
    for path in answer["paths"]:
        table.add_row(str(path["journeys"]), " → ".join(path["activities"]) or "nothing after it")
    console.print(table)


def _amount(value: float, currency: str) -> str:
    return f"{value:,.6f}".rstrip("0").rstrip(".") + (f" {currency}" if currency else "")


def _table(*heads: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for head in heads:
        table.add_column(head, header_style="bright_black")
    return table
