"""`caretrail where KEY…`: where one encounter is, or several, in a terminal.

Exit code 0: fine; 1: a workflow is overdue or failed; 2: nothing known by a number; 3: could not ask.
Numbers travel in a request body and are never printed back: one of several is named by its place in the list.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from caretrail.client import Client, CouldNotAsk, connect

FINE, BAD_NEWS, NOT_FOUND, COULD_NOT_ASK = 0, 1, 2, 3
_IN_FULL = 5
_BETWEEN = re.compile(r"[\r\n\t,;]+")
_KINDS = {"control_id": "message", "trace_id": "trace", "span_id": "span", "mrn": "patient"}
_DOUBTS = {
    "several": "the likeliest of several encounters",
    "patient": "the patient's only encounter of that time",
    "blank": "no number but a placeholder",
    "too_many": "seen with too many encounters to tell",
    "reused": "used again for another patient",
    "two_patients": "seen with two patients",
}

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
    values = wanted(options.key, sys.stdin)
    if not values:
        print("caretrail where: no number was given", file=sys.stderr)
        return NOT_FOUND
    try:
        client = connect(options.config, options.url)
        answer = _ask(client, values, options.kind)
    except CouldNotAsk as error:
        print(f"caretrail where: {error}", file=sys.stderr)
        return COULD_NOT_ASK
    if options.json:
        json.dump(answer, sys.stdout, indent=2)
        print()
    else:
        _print(answer, len(values), Console(highlight=False))
    return verdict(answer["journeys"], missing=bool(answer.get("not_found")))


def wanted(given: Sequence[str], source: TextIO) -> list[str]:
    """The numbers of a command line, each once; `-` reads them, and a list may stand in one argument."""
    texts = [text for one in given for text in (source if one == "-" else (one,))]
    return list(
        dict.fromkeys(part for text in texts for each in _BETWEEN.split(text) if (part := each.strip()))
    )


def verdict(journeys: list[dict[str, Any]], missing: bool = False) -> int:
    """The exit code for what was found; missing: one of several numbers was not."""
    if not journeys:
        return NOT_FOUND
    states = {workflow["state"] for journey in journeys for workflow in journey["workflows"]}
    if states & {"overdue", "failed"}:
        return BAD_NEWS
    return NOT_FOUND if missing else FINE


def _print(answer: dict[str, Any], values: int, console: Console) -> None:
    journeys, now = answer["journeys"], datetime.now(UTC)
    for match in answer.get("nobody", ()):
        console.print(f"{_which(match, values)}{found_as(match)}: it stands for nobody.")
    if not journeys and not answer.get("nobody"):
        console.print("Nothing is known by that number. Is it complete, and has its message passed a tap?")
    if len(journeys) > _IN_FULL:
        console.print(_overview(journeys, values))
    else:
        for journey in journeys:
            show(journey, console, now, values)
    if answer.get("not_found") and journeys:
        places = ", ".join(str(position + 1) for position in answer["not_found"])
        console.print(f"\nNot found, by their places in the list: {places}.")
    if answer.get("left_out"):
        console.print(f"{answer['left_out']} more numbers were too many and not looked for.")
    if answer.get("more"):
        console.print(f"{answer['more']} more encounters were found; ask for fewer numbers at a time.")


def found_as(match: dict[str, Any]) -> str:
    """How a number led there: its kind, whose number it is, and what makes it less than certain."""
    what = _KINDS.get(match["kind"], match["kind"].replace("_", " "))
    parts = [f"{what} at {match['authority']}" if match["authority"] else what]
    if match["interface"]:
        parts[0] += f" on {match['interface']}"
    if match["kind"] == "mrn":
        parts += [f"seen {local(match['since'])}"] if match["since"] else []
    else:
        parts += [f"from {local(match['since'])}"] if match["since"] else []
        parts += [f"until {local(match['until'])}"] if match["until"] else []
    if match["certainty"] != "certain":
        parts.append(match["certainty"])
    parts += [_DOUBTS[word] for word in (match["basis"], match["why"]) if word in _DOUBTS]
    if match["via"]:
        way = "became" if match["gave_way"] else "took in"
        parts.append(f"{way} another number of the patient ({match['via']} {local(match['via_at'])})")
    return ", ".join(parts)


def _which(match: dict[str, Any], values: int) -> str:
    return f"number {match['position'] + 1}: " if values > 1 else ""


def _overview(journeys: list[dict[str, Any]], values: int) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("state", "workflow", "trace", "found as"):
        table.add_column(heading, header_style="bright_black", no_wrap=heading != "found as")
    for journey in journeys:
        worst = journey["workflows"][0] if journey["workflows"] else None
        table.add_row(
            _state(worst["state"]) if worst else "",
            worst["name"] if worst else "",
            journey["journey"],
            "; ".join(f"{_which(match, values)}{found_as(match)}" for match in journey["matches"]),
        )
    return table


def show(journey: dict[str, Any], console: Console, now: datetime, values: int = 1) -> None:
    """One journey: the answer first, then steps and hops."""
    detail = journey["detail"]
    console.print()
    console.print(Text(detail["sentence"], style="bold"))
    sure = "" if journey["certainty"] == "certain" else f"  ({journey['certainty']})"
    console.print(Text(f"trace {journey['journey']}{sure}", style="bright_black"))
    for match in journey["matches"]:
        console.print(Text(f"{_which(match, values)}found as {found_as(match)}", style="bright_black"))
    for workflow in detail["workflows"]:
        console.print()
        console.print(Text.assemble(_state(workflow["state"]), "  ", (workflow["title"], "bold")))
        console.print(_steps(workflow["steps"], now))
    console.print()
    console.print(_hops(detail["hops"]))


def _ask(client: Client, values: list[str], kind: str | None) -> dict[str, Any]:
    body: dict[str, Any] = {"value": values[0]} if len(values) == 1 else {"values": values}
    answer: dict[str, Any] = client.post("/api/v1/journeys/search", body | ({"kind": kind} if kind else {}))
    if len(answer["journeys"]) <= _IN_FULL:
        for journey in answer["journeys"]:
            journey["detail"] = client.get(f"/api/v1/journeys/{journey['journey']}")
    return answer


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
        seen = local(step.get("at")) or ("expected, not seen" if step["state"] == "overdue" else "")
        table.add_row(step["name"], state, seen, local(step.get("deadline")))
    return table


def _hops(hops: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("hop", "from → to", "message", "answer", "took", ""):
        table.add_column(heading, header_style="bright_black", no_wrap=heading in ("hop", "took"))
    for hop in hops:
        good = hop["outcome"] == "accepted"
        answer = " ".join(part for part in (hop["ack_code"], hop["reason"]) if part) or hop["outcome"]
        table.add_row(
            local(hop["at"]),
            f"{hop['source']} → {hop['destination']}",
            hop["operation"] or hop["message"],
            Text(answer, style="" if good else "#D55E00"),
            f"{hop['duration_ms']:.0f} ms" if hop["duration_ms"] else "",
            Text("" if hop["certainty"] == "certain" else hop["certainty"], style="#E69F00"),
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


def local(text: str | None) -> str:
    """A time of an answer, short, in this machine's zone."""
    moment = _time(text)
    return moment.astimezone().strftime("%d %b %H:%M:%S") if moment else ""
