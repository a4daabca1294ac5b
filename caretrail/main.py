"""The command line. Each command's module is imported only when it is called, so that a tap stays light.

Exit codes: 0 fine; 1 the answer is bad news; 2 wrong usage, wrong settings or cannot start; 3 could not ask.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from importlib.metadata import version

from caretrail import options
from caretrail.instance import CannotStart

# command: (module, help)
_COMMANDS = {
    "demo": ("caretrail.demo", "start a synthetic hospital, its taps and Caretrail on this machine"),
    "up": ("caretrail.roles", "collector, evaluator and dashboard in one process"),
    "collector": ("caretrail.roles", "only the receiver and its writer (needs a ClickHouse server)"),
    "evaluate": ("caretrail.roles", "only the evaluator and alerts (needs a ClickHouse server)"),
    "dashboard": ("caretrail.roles", "only pages and REST API (needs a ClickHouse server)"),
    "tap": ("caretrail.tap", "the taps named in the settings"),
    "hospital": ("caretrail.hospital", "the synthetic hospital, live"),
    "replay": ("caretrail.replay", "load history from archives: HL7, X12, FHIR and flat files"),
    "where": ("caretrail.where", "where encounters are: their steps, hops and what is missing"),
    "journey": ("caretrail.journey", "why each message belongs to an encounter, link by link"),
    "checkpoint": ("caretrail.checkpoint", "say that something happened, from a script"),
    "doctor": ("caretrail.doctor", "look at a running instance: log, store, refused segments, taps"),
    "login": ("caretrail.login", "print a new one-time link to the pages"),
    "sql": ("caretrail.query", "read-only SQL, asked of the running instance"),
    "workflow": ("caretrail.workflow", "check, explain, score, activate, propose and reconcile workflows"),
    "store": ("caretrail.store", "migrate, print or check the tables"),
    "config": ("caretrail.config", "check settings, print their schema, make a site key"),
}


def build_parser() -> argparse.ArgumentParser:
    """The whole command line, each command's options included."""
    parser = argparse.ArgumentParser(
        prog="caretrail",
        description="Did it reach where it had to go, in time, and if not, where did it stop?",
    )
    parser.add_argument("--version", action="version", version=f"caretrail {version('caretrail')}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (module, text) in _COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text[:1].upper() + text[1:] + ".")
        command.set_defaults(module=module)
        options.add(name, command)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    from tracing.documents import DocumentError

    given = build_parser().parse_args(arguments)
    try:
        return int(importlib.import_module(given.module).run(given))
    except (CannotStart, DocumentError) as error:
        print(f"caretrail {given.command}: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        extra = _EXTRA_OF.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        remedy = f"pip install 'caretrail[{extra}]'"
        print(f"caretrail {given.command}: needs {error.name}: {remedy}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


_EXTRA_OF = {
    "h11": "hospital",
    "sqlalchemy": "database",
    "pg8000": "database",
    "chdb": "embedded",
    "dash": "dashboard",
    "plotly": "dashboard",
    "fastapi": "collector",
    "uvicorn": "collector",
    "clickhouse_connect": "collector",
}


if __name__ == "__main__":
    sys.exit(main())
