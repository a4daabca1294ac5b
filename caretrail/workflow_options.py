"""Options of `caretrail workflow`, action by action; like `caretrail.options` it imports nothing heavy."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

#: Actions on files alone.
_ON_FILES = {
    "check": "are these files right; every problem with file, line and key",
    "test": "judge the examples beside a file",
    "explain": "what a file means, in words and in SQL",
    "diff": "what changes from one file to another",
}


_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def add(command: argparse.ArgumentParser) -> None:
    """Give the command its actions."""
    actions = command.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, text in _ON_FILES.items():
        action = _action(actions, name, text)
        action.add_argument(
            "files", nargs="+", metavar="FILE", help="workflow files or names of shipped packs"
        )
    _action(actions, "schema", "print the JSON Schema for editors")
    _backtest(_asking(actions, "backtest", "score history with a draft beside the active version"))
    _activate(_asking(actions, "activate", "make a workflow active, from now on or rescored"))
    versions = _asking(actions, "versions", "every version there was, and since when it judges")
    versions.add_argument("name", metavar="NAME")
    _reconcile(_asking(actions, "reconcile", "compare what the steps counted, and say who differs"))
    _discover(_asking(actions, "discover", "propose a workflow from what happened"))
    conform = _asking(actions, "conform", "the most frequent deviations from a workflow")
    conform.add_argument("name", metavar="NAME")
    _days(conform, 30)


def _action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str
) -> argparse.ArgumentParser:
    return actions.add_parser(name, help=text, description=text[:1].upper() + text[1:] + ".")


def _asking(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str
) -> argparse.ArgumentParser:
    """An action that needs the store: it asks the running instance, or opens the store when none runs."""
    action = _action(actions, name, text)
    # Not to be overwritten by the action when it was given before it.
    action.add_argument(
        "--config", metavar="FILE", default=argparse.SUPPRESS, help="settings, as for every command"
    )
    action.add_argument("--url", help="the instance to ask (default: from the settings)")
    action.add_argument("--json", action="store_true", help="the answer as JSON")
    return action


def _days(action: argparse.ArgumentParser, usual: int) -> None:
    action.add_argument(
        "--days", type=_number, default=usual, metavar="N", help=f"how far to look back (default {usual})"
    )


def _backtest(action: argparse.ArgumentParser) -> None:
    action.add_argument("file", metavar="DRAFT", help="a workflow file")
    _days(action, 30)
    action.add_argument(
        "--limit", type=_number, default=20, metavar="N", help="changed verdicts to list (default 20)"
    )


def _activate(action: argparse.ArgumentParser) -> None:
    action.add_argument("file", metavar="FILE", help="a workflow file")
    action.add_argument(
        "--rescore",
        nargs="?",
        const=_BEGINNING,
        default=None,
        type=_since,
        metavar="SINCE",
        help="judge anew what started at SINCE or later; without SINCE, everything",
    )


def _reconcile(action: argparse.ArgumentParser) -> None:
    action.add_argument("name", metavar="NAME", help="an active workflow")
    action.add_argument(
        "--by",
        action="append",
        default=[],
        metavar="GROUP",
        help="day, facility, item or a tag (cost_centre); again for a finer grouping (default: the rule's)",
    )
    action.add_argument("--measure", metavar="NAME", help="only this measure")
    _days(action, 7)
    action.add_argument(
        "--limit", type=_number, default=20, metavar="N", help="differing cases to list (default 20)"
    )


def _discover(action: argparse.ArgumentParser) -> None:
    action.add_argument("--journey", default="visit", metavar="KIND", help="visit (default), order, case, …")
    action.add_argument(
        "--start",
        metavar="MESSAGE@INTERFACE",
        help='what it starts with, as "ADT^A03@ehr-adt" or "ADT^A01,ADT^A04@ehr-adt"',
    )
    _days(action, 30)
    action.add_argument("-o", "--output", metavar="FILE", help="write the YAML here (default: print it)")


def _number(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) <= 10_000:
        raise argparse.ArgumentTypeError("must be a whole number, 1 or more")
    return int(text)


def _since(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            "must be a date or time, as 2026-03-02 or 2026-03-02T10:00"
        ) from None
    return moment.astimezone(UTC)
