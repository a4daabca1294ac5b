"""`caretrail where KEY`: where one encounter is, in a terminal.

Exit code 0: fine; 1: a workflow is overdue or failed; 2: nothing known by that number; 3: could not ask.
The number travels in a request body and is never printed back.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from caretrail.client import Client, CouldNotAsk, connect

FINE, BAD_NEWS, NOT_FOUND, COULD_NOT_ASK = 0, 1, 2, 3

# Shape, word and colour of a state; the same as on the pages.
_LOOKS = {
    "on_track": ("●", "on track", "#009E73"),
    "at_risk": ("▲", "at risk", "#E69F00"),
    "overdue": ("■", "overdue", "#D55E00"),
    "failed": ("✕", "failed", "#D55E00"),
    "completed": ("✓", "completed", "#009E73"),
    "completed_late": ("✓", "completed late", "#E69F00"),
    "met": ("✓", "met", "#009E73"),
    "met_late": ("✓", "met late", "#E69F00"),
    "pending": ("◌", "pending", "default"),
    "not_applicable": ("–", "not applicable", "bright_black"),
    "cancelled": ("⊘", "cancelled", "bright_black"),
}


def run(options: argparse.Namespace) -> int:
    """Ask, print, answer with the exit code."""
    value = sys.stdin.readline().strip() if options.key == "-" else options.key
    try:
        client = connect(options.config, options.url)
        journeys = _ask(client, value, options.kind)
    except CouldNotAsk as error:
        print(f"caretrail where: {error}", file=sys.stderr)
        return COULD_NOT_ASK
    if options.json:
        json.dump({"journeys": journeys}, sys.stdout, indent=2)
        print()
    elif not journeys:
        print("Nothing is known by that number. Is it complete, and has its message passed a tap?")
    else:
        console = Console(highlight=False)
        for journey in journeys:
            show(journey, console, datetime.now(UTC))
    return verdict(journeys)


def verdict(journeys: list[dict[str, Any]]) -> int:
    """The exit code for what was found."""
    if not journeys:
        return NOT_FOUND
    states = {workflow["state"] for journey in journeys for workflow in journey["workflows"]}
    return BAD_NEWS if states & {"overdue", "failed"} else FINE


def show(journey: dict[str, Any], console: Console, now: datetime) -> None:
    """One journey: the answer first, then steps and hops."""
    detail = journey["detail"]
    console.print()
    console.print(Text(detail["sentence"], style="bold"))
    sure = "" if journey["certainty"] == "certain" else f"  ({journey['certainty']})"
    console.print(Text(f"trace {journey['journey']}{sure}", style="bright_black"))
    for workflow in detail["workflows"]:
        console.print()
        console.print(Text.assemble(_state(workflow["state"]), "  ", (workflow["title"], "bold")))
        console.print(_steps(workflow["steps"], now))
    console.print()
    console.print(_hops(detail["hops"]))


def _ask(client: Client, value: str, kind: str | None) -> list[dict[str, Any]]:
    body = {"value": value} | ({"kind": kind} if kind else {})
    journeys: list[dict[str, Any]] = client.post("/api/v1/journeys/search", body)["journeys"]
    for journey in journeys:
        journey["detail"] = client.get(f"/api/v1/journeys/{journey['journey']}")
    return journeys


def _steps(steps: list[dict[str, Any]], now: datetime) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("step", "state", "at (local time)", "deadline"):
        table.add_column(heading, header_style="bright_black", no_wrap=True)
    for step in steps:
        deadline = _time(step.get("deadline"))
        state = _state(step["state"])
        if deadline is not None and step["state"] in ("pending", "at_risk", "overdue", "failed"):
            late_s = (now - deadline).total_seconds()
            state.append(f", {span(abs(late_s))} {'late' if late_s > 0 else 'left'}")
        seen = _local(step.get("at")) or ("expected, not seen" if step["state"] == "overdue" else "")
        table.add_row(step["name"], state, seen, _local(step.get("deadline")))
    return table


def _hops(hops: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("hop", "from → to", "message", "answer", "took"):
        table.add_column(heading, header_style="bright_black", no_wrap=heading in ("hop", "took"))
    for hop in hops:
        good = hop["outcome"] == "accepted"
        answer = " ".join(part for part in (hop["ack_code"], hop["reason"]) if part) or hop["outcome"]
        table.add_row(
            _local(hop["at"]),
            f"{hop['source']} → {hop['destination']}",
            hop["operation"] or hop["message"],
            Text(answer, style="" if good else "#D55E00"),
            f"{hop['duration_ms']:.0f} ms" if hop["duration_ms"] else "",
        )
    return table


def span(seconds: float) -> str:
    """A duration as people say it: "38 s", "12 m", "2 h 14 m", "3 d 4 h"."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} m"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} m"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def _state(state: str) -> Text:
    shape, word, colour = _LOOKS.get(state, ("◌", state, "default"))
    return Text(f"{shape} {word}", style=colour)


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _local(text: str | None) -> str:
    moment = _time(text)
    return moment.astimezone().strftime("%d %b %H:%M:%S") if moment else ""
