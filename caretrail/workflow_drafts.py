"""`caretrail workflow backtest|activate|versions`: what a draft would say, making it active, what there was.

Exit code 1 when the file is wrong, 3 when the store cannot be asked.
"""

from __future__ import annotations

import argparse
import sys
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from caretrail.where import local
from caretrail.workflow_asking import COULD_NOT_ASK, Direct, asked, printed
from caretrail.workflow_files import path_of
from dashboard.workflow_answers import ActivationAnswer, BacktestAnswer, VersionsAnswer
from dashboard.workflow_api import BEGINNING, describe
from slo.workflows import define
from slo.workflows.load import Definition
from tracing.documents import DocumentError


def backtest(options: argparse.Namespace) -> int:
    """Score history with a draft and say what changes."""
    draft = _draft(options.file)
    if draft is None:
        return 1

    def directly(direct: Direct) -> BacktestAnswer:
        found = direct.workbench.backtest(draft, direct.now, options.days, options.limit)
        return BacktestAnswer.of(found)

    body = {"yaml": draft.text, "days": options.days, "limit": options.limit}
    answer = asked(options, "/api/v1/workflows/backtest", body, directly)
    if answer is None:
        return COULD_NOT_ASK
    if not printed(options, answer):
        _show(answer, Console(highlight=False))
    return 0


def activate(options: argparse.Namespace) -> int:
    """Make a file the active version of its workflow."""
    draft = _draft(options.file)
    if draft is None:
        return 1
    valid_from: datetime | None = options.rescore

    def directly(direct: Direct) -> ActivationAnswer:
        direct.note("activate", describe(draft, valid_from))
        done = direct.workbench.activate(draft, direct.now, valid_from)
        return ActivationAnswer(workflow=done.name, version=done.version, changed=done.changed)

    body = {"yaml": draft.text, "rescore": valid_from is not None}
    body |= {"since": valid_from.isoformat()} if valid_from else {}
    answer = asked(options, "/api/v1/workflows/activate", body, directly)
    if answer is None:
        return COULD_NOT_ASK
    if printed(options, answer):
        return 0
    name = f"{answer['workflow']} version {answer['version']}"
    if not answer["changed"]:
        print(f"{name} is active already")
    elif valid_from is None:
        print(f"{name} is active: it judges what starts from now on")
    else:
        print(f"{name} is active: what started since {_since(valid_from)} is judged anew")
    return 0


def versions(options: argparse.Namespace) -> int:
    """List the versions of a workflow."""

    def directly(direct: Direct) -> VersionsAnswer:
        found = direct.workbench.versions(options.name)
        if not found:
            raise LookupError(f"there is no workflow {options.name!r}")
        return VersionsAnswer.of(options.name, found)

    answer = asked(options, f"/api/v1/workflows/{options.name}/versions", None, directly)
    if answer is None:
        return COULD_NOT_ASK
    if printed(options, answer):
        return 0
    table = _table("version", "", "judges what starts from", "activated")
    for one in answer["versions"]:
        begins = local(one["valid_from"]) if one["valid_from"][:4] != "1970" else "the beginning"
        row = (str(one["version"]), "active" if one["active"] else "", begins, local(one["activated_at"]))
        table.add_row(*row)
    Console(highlight=False).print(table)
    return 0


def _draft(name: str) -> Definition | None:
    try:
        return define(path_of(name))
    except DocumentError as error:
        print(error, file=sys.stderr)
        return None


def _since(valid_from: datetime) -> str:
    return "the beginning" if valid_from == BEGINNING else local(valid_from.isoformat())


def _show(answer: dict[str, Any], console: Console) -> None:
    by = ", ".join(map(str, answer["versions"])) or "none"
    console.print(f"{answer['workflow']}: the draft beside what version {by} said", style="bold")
    for line in answer["words"]:
        console.print(f"  {line}")
    console.print()
    console.print(
        f"{answer['changed']} of {answer['compared']} verdicts change since {local(answer['since'])}; "
        f"on time {_share(answer['then'])} then, {_share(answer['now'])} with the draft"
    )
    if answer["transitions"]:
        table = _table("verdicts", "was", "becomes", "by step", "", "for example")
        for one in answer["transitions"]:
            was, becomes = (word.replace("_", " ") or "nothing" for word in (one["was"], one["becomes"]))
            table.add_row(str(one["count"]), was, becomes, one["step"], one["how"], one["examples"][0])
        console.print(table)


def _share(rate: dict[str, Any]) -> str:
    if rate["share"] is None:
        return "nothing was decided"
    return f"{rate['share']:.1%} ({rate['good']} of {rate['good'] + rate['bad']})"


def _table(*heads: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for head in heads:
        table.add_column(head, header_style="bright_black")
    return table
