"""`caretrail journey explain KEY`: why each message belongs to the encounter, link by link, in a terminal;
and what late truth changed of verdicts that had been given.

Exit code 0: every message is certain; 1: one is only probable, or kept apart; 2: nothing known by that
number; 3: could not ask. The number travels in a request body; keys are shown by their last characters.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from rich.console import Console
from rich.text import Text

from caretrail.client import CouldNotAsk, connect
from caretrail.where import BAD_NEWS, COULD_NOT_ASK, FINE, NOT_FOUND, found_as, local, wanted

_DIM, _DOUBT = "bright_black", "#E69F00"
_EVENTS = {
    "merge": "merged {from} into {to}",
    "change": "changed {from} to {to}",
    "move": "moved {subject} from {from} to {to}",
    "link": "linked {from} with {to}",
    "unlink": "unlinked {from} from {to}",
    "cancel": "cancelled {to}",
    "withdraw": "took back what was said of {from} and {to}",
    "same": "said that {from} and {to} are one",
    "different": "said that {from} and {to} are two",
    "release": "released {to}",
}
_FACTS = {
    "met_at": "seen",
    "failed_at": "refused",
    "started_at": "began",
    "cancelled_at": "cancelled",
    "deadline": "due",
}


def run(options: argparse.Namespace) -> int:
    """Ask, print, answer with the exit code."""
    values = wanted([options.key], sys.stdin)[:1]
    if not values:
        print("caretrail journey: no number was given", file=sys.stderr)
        return NOT_FOUND
    body = {"value": values[0]} | ({"kind": options.kind} if options.kind else {})
    try:
        answer = connect(options.config, options.url).post("/api/v1/journeys/explain", body)
    except CouldNotAsk as error:
        print(f"caretrail journey: {error}", file=sys.stderr)
        return COULD_NOT_ASK
    if options.json:
        json.dump(answer, sys.stdout, indent=2)
        print()
    else:
        show(answer, Console(highlight=False))
    return verdict(answer)


def verdict(answer: dict[str, Any]) -> int:
    """The exit code for what was explained."""
    if not answer["journeys"]:
        return NOT_FOUND
    certainties = {one["certainty"] for journey in answer["journeys"] for one in journey["messages"]}
    return FINE if certainties <= {"certain"} else BAD_NEWS


def show(answer: dict[str, Any], console: Console) -> None:
    """Every journey: its messages in order, each with the links it belongs by; then what was said of keys."""
    for match in answer["nobody"]:
        console.print(f"Known as {found_as(match)}: it stands for nobody.")
    if not answer["journeys"] and not answer["nobody"]:
        console.print("Nothing is known by that number. Is it complete, and has its message passed a tap?")
    for journey in answer["journeys"]:
        _journey(journey, console)
    if answer["more"]:
        console.print(f"\n{answer['more']} more encounters were found; name the kind, or another number.")


def _journey(journey: dict[str, Any], console: Console) -> None:
    names = {key["token"]: _named(key) for key in journey["keys"]}
    reasons = {reason["token"]: reason for reason in journey["reasons"]}
    console.print()
    kind = f"{journey['kind']} " if journey["kind"] else ""
    console.print(Text(f"{kind}{names.get(journey['journey'], '')}".strip() or "encounter", style="bold"))
    console.print(Text(f"trace {journey['journey']}", style=_DIM))
    for match in journey["matches"]:
        console.print(Text(f"found as {found_as(match)}", style=_DIM))
    explained: dict[str, int] = {}
    for number, message in enumerate(journey["messages"], 1):
        what = message["operation"] or message["message"] or "message"
        doubt = "" if message["certainty"] == "certain" else f"  {message['certainty']}"
        console.print()
        console.print(
            Text.assemble(
                f"{number}. {local(message['at'])}  {message['source']} → {message['destination']}  ",
                (what, "bold"),
                f"  on {message['interface']}",
                (doubt, _DOUBT),
            )
        )
        token = message["token"]
        if token in explained:
            console.print(Text(f"   as message {explained[token]}", style=_DIM))
            continue
        explained[token] = number
        for line in _why(reasons.get(token), names):
            console.print(Text(f"   {line}"))
    if journey["left_out"]:
        console.print(f"\n{journey['left_out']} more keys were too many to explain.")
    if journey["events"]:
        console.print()
        console.print(Text("What was said of its keys", style="bold"))
        for event in journey["events"]:
            console.print(_event(event, names))
    if journey["changes"]:
        console.print()
        console.print(Text("What was learned late, of workflows that had been closed", style="bold"))
        for change in journey["changes"]:
            for told in _change(change, names):
                console.print(told)


def _why(reason: dict[str, Any] | None, names: dict[str, str]) -> list[str]:
    if reason is None:
        return ["not explained: too many keys"]
    own = _key(reason["kind"], reason["token"], names)
    lines = [_link(link, names) for link in reason["links"]]
    if not lines and reason["basis"] == "quarantined":
        lines = [f"it names {own}, which is kept apart: it does not say whose it is"]
    elif reason["basis"] == "batch":
        lines = ["it is about the batch that a message of this encounter came in"]
    elif not lines and reason["kind"] in ("", "message"):
        lines = ["it names no encounter, and stands for itself"]
    elif not lines and reason["basis"] == "own":
        lines = [f"it names {own}, which is the encounter's own number"]
    elif not lines:
        lines = [f"it hangs on {own}; the messages that linked it are no longer stored"]
    if reason["basis"] == "several":
        lines.append(f"{own} was seen with several encounters; this one is the likeliest")
    if reason["eras"]:
        lines.append(
            f"{own} served {len(reason['eras'])} patients or times; this one by its patient and time"
        )
    return lines


def _link(link: dict[str, Any], names: dict[str, str]) -> str:
    one, other = _key(link["kind"], link["token"], names), _key(link["other_kind"], link["other"], names)
    if link["event"] == "patient":
        return f"it names only {other}, who had one encounter at that time"
    if link["event"]:
        how = f"{one} and {other} were joined by a {link['event']}"
    else:
        one += f" ({link['field']})" if link["field"] else ""
        other += f" ({link['other_field']})" if link["other_field"] else ""
        how = f"{one} stood with {other}"
    where = f" in {link['message']}" if link["message"] else ""
    on = f" on {link['interface']}" if link["interface"] else ""
    return f"{how}{where}{on}, {local(link['at'])}".rstrip(", ")


def _event(event: dict[str, Any], names: dict[str, str]) -> Text:
    keys = {name: names.get(event[f"{name}_token"], "another key") for name in ("from", "to", "subject")}
    said = _EVENTS.get(event["event"], event["event"]).format(**keys)
    who = event["who"] or " ".join(part for part in (event["message"], "on", event["interface"]) if part)
    reason = f": {event['reason']}" if event["reason"] else ""
    line = Text(f"   {local(event['at'])}  {who} {said}{reason}")
    if event["withdrawn"]:
        line.stylize("strike")
        line.append("  (no longer holds)", style=_DIM)
    return line


def _change(change: dict[str, Any], names: dict[str, str]) -> list[Text]:
    """What became known, then each fact beside what was believed."""
    item = f", {names.get(change['item'], change['item'][:8] + '…')}" if change["item"] else ""
    occurrence = f", occurrence {change['occurrence']}" if change["occurrence"] > 1 else ""
    again = "; it waits again" if change["reopened"] else ""
    head = Text(f"   {local(change['at'])}  {change['workflow']}{item}{occurrence}{again}")
    head.append(f"  judged before: {local(change['sealed_at'])}", style=_DIM)
    return [head, *(Text(f"      {_difference(one)}") for one in change["differences"])]


def _difference(one: dict[str, Any]) -> str:
    if one["fact"] == "vanished":
        return "there was no such occurrence after all"
    if one["fact"] == "applies":
        return f"{one['step']} {'applies' if one['after'] else 'does not apply'} after all"
    happened = _FACTS.get(one["fact"], one["fact"])
    after, before = (
        f"{happened} {local(at)}" if at else f"not {happened}" for at in (one["after"], one["before"])
    )
    return f"{one['step']} {after}, before: {before}".strip()


def _key(kind: str, token: str, names: dict[str, str]) -> str:
    if kind == "message":
        return "the message"
    return f"{kind.replace('_', ' ')} {names.get(token, token[:4] + '…' + token[-4:])}".strip()


def _named(key: dict[str, Any]) -> str:
    return f"{key['masked']} at {key['authority']}" if key["authority"] else str(key["masked"])
