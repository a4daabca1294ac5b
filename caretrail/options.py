"""The options of every command, in one place and without importing what they start.

Called by `caretrail.main` to build the parser. Must import nothing heavy: `caretrail tap` pays for it.
"""

from __future__ import annotations

import argparse

from caretrail import workflow_options


def add(name: str, command: argparse.ArgumentParser) -> None:
    """Give one command its options."""
    adder = _ADDERS.get(name)
    if adder is not None:
        adder(command)
    if name not in ("demo",):
        command.add_argument(
            "--config", metavar="FILE", help="settings (default: ./caretrail.yaml, then the demo's)"
        )


def _demo(command: argparse.ArgumentParser) -> None:
    command.add_argument("--port", type=_port, default=8050, help="port of the pages (default 8050)")
    command.add_argument("--data", default=".caretrail", metavar="FOLDER", help="default ./.caretrail")
    command.add_argument("--seed", type=int, default=1, help="another number, another hospital (default 1)")
    command.add_argument(
        "--history-days", type=_days, default=30, metavar="N", help="days of history to load (default 30)"
    )
    command.add_argument("--no-live", action="store_true", help="history only, no live traffic")
    command.add_argument(
        "--processes",
        default="none",
        metavar="LIST",
        help="what else the hospital does: beds, staffing, implants, orders, readiness, eligibility, claims, "
        "comma separated; or all (default none: three times as little to load)",
    )


def _tap(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "kind", nargs="?", choices=("mllp", "http", "folder"), help="one interface, without a settings file"
    )
    command.add_argument("--listen", metavar="[HOST]:PORT", help="where the sender connects to")
    command.add_argument("--forward", metavar="HOST:PORT", help="where the receiver is")
    command.add_argument("--path", metavar="FOLDER", help="the folder to watch")
    command.add_argument("--interface", metavar="NAME", help="name of the interface (default: its kind)")
    command.add_argument("--source", metavar="SYSTEM", help="the system that sends (default: unknown)")
    command.add_argument(
        "--destination", metavar="SYSTEM", help="the system that receives (default: unknown)"
    )
    command.add_argument("--facility", help="facility the interface serves")
    command.add_argument("--authority", help="assigning authority of numbers that name none")
    command.add_argument(
        "--otlp", metavar="URL", default="http://127.0.0.1:4318", help="the collector (default %(default)s)"
    )
    command.add_argument("--key-file", default="site.key", metavar="FILE", help="default ./site.key")
    command.add_argument("--spool", default="spool", metavar="FOLDER", help="default ./spool")
    command.add_argument("--site", default="site", metavar="NAME", help="the site's short name")
    command.add_argument("--metrics", metavar="HOST:PORT", help="serve /metrics here")


def _where(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "key",
        nargs="+",
        metavar="KEY",
        help="any number: of a visit, account, order, claim or patient, a control ID, a trace ID; or a list "
        "with commas, semicolons or line ends between; - reads them",
    )
    _asking(command)


def _journey(command: argparse.ArgumentParser) -> None:
    command.add_argument("action", choices=("explain",))
    command.add_argument("key", metavar="KEY", help="any number, as for `caretrail where`; - reads it")
    _asking(command)


def _asking(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--kind", help="what it is: visit, account, mrn, …, control_id, trace_id, span_id (default: try all)"
    )
    command.add_argument("--json", action="store_true", help="the answer as JSON")
    command.add_argument("--url", help="the instance to ask (default: from the settings)")


def _checkpoint(command: argparse.ArgumentParser) -> None:
    command.add_argument("--workflow", metavar="NAME", help="short for --interface NAME, with --step")
    command.add_argument("--step", metavar="NAME", help="short for --message NAME, with --workflow")
    command.add_argument("--interface", metavar="NAME", help="where it happened")
    command.add_argument("--source", metavar="SYSTEM", help="the system that did it")
    command.add_argument("--destination", metavar="SYSTEM", help="the system it was done to")
    command.add_argument("--message", metavar="TEXT", help="what happened")
    command.add_argument(
        "--key", action="append", default=[], metavar="KIND:VALUE", help="to whom; visit:- reads the value"
    )
    command.add_argument("--authority", default="", metavar="NAME", help="who assigned the values")
    command.add_argument("--at", metavar="TIME", help="when (default: now)")
    command.add_argument("--outcome", help="accepted (default), rejected, error, …")
    command.add_argument("--reason", metavar="CODE", help="why not")
    command.add_argument("--measure", action="append", default=[], metavar="NAME=NUMBER")
    command.add_argument("--attribute", action="append", default=[], metavar="NAME=CODE")
    command.add_argument("--facility", metavar="CODE")
    command.add_argument("--id", metavar="TEXT", help="tells it from others that are equal otherwise")
    command.add_argument("--file", metavar="FILE", help="JSON instead: one, or an array; - reads it")
    command.add_argument("--url", help="the collector (default: taps.endpoint of the settings)")
    command.add_argument("--site-key", metavar="FILE", help="the site key (default: from the settings)")
    command.add_argument("--json", action="store_true", help="the answer as JSON")


def _doctor(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="the answer as JSON")


def _sql(command: argparse.ArgumentParser) -> None:
    command.add_argument("statement", help="one SELECT; - reads it from standard input")
    command.add_argument("--format", choices=("table", "json", "csv"), default="table")


def _store(command: argparse.ArgumentParser) -> None:
    command.add_argument("action", choices=("migrate", "ddl", "check"))
    command.add_argument(
        "--engine", choices=("single", "cluster"), default="single", help="which tables `ddl` prints"
    )


def _config(command: argparse.ArgumentParser) -> None:
    command.add_argument("action", choices=("check", "schema", "key", "rotate"))


def _hospital(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--plan", required=True, metavar="FILE", help="the hospital's own JSON configuration"
    )


def _replay(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "files", nargs="+", metavar="FILE", help="files, folders, patterns; - is standard input"
    )
    command.add_argument("--interface", metavar="NAME", help="the interface of the settings they belong to")
    command.add_argument(
        "--kind", choices=("hl7", "x12", "fhir", "delimited"), help="what they are, without an interface"
    )
    command.add_argument("--name", help="name of the interface, with --kind (default: replay-KIND)")
    command.add_argument("--source", metavar="SYSTEM", help="the system that sent, with --kind")
    command.add_argument("--destination", metavar="SYSTEM", help="the system that received, with --kind")
    command.add_argument("--authority", help="assigning authority of numbers that name none, with --kind")
    command.add_argument(
        "--key", action="append", default=[], metavar="KIND=COLUMN", help="a key, with --kind delimited"
    )
    command.add_argument("--zone", help="time zone of times that name none (default: the site's)")
    command.add_argument(
        "--unanswered",
        choices=("accepted", "none"),
        default="accepted",
        help="outcome of a stored HL7 message without an acknowledgement beside it (default accepted)",
    )
    command.add_argument("--otlp", metavar="URL", help="the collector (default: from the settings)")
    command.add_argument("--rate", type=_rate, metavar="N", help="at most so many messages a second")
    command.add_argument("--dry-run", action="store_true", help="read and report, send nothing")
    command.add_argument("--resume", action="store_true", help="skip what was loaded before")
    command.add_argument(
        "--list", type=int, default=20, metavar="N", help="so many places to name (default 20)"
    )
    command.add_argument("--quiet", action="store_true", help="no progress bar")


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < 1e9:
        raise argparse.ArgumentTypeError("must be a number of messages a second, above 0")
    return rate


def _port(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError("must be a port number from 1 to 65535")
    return int(text)


def _days(text: str) -> int:
    if not text.isdigit() or int(text) > 400:
        raise argparse.ArgumentTypeError("must be a number of days from 0 to 400")
    return int(text)


_ADDERS = {
    "demo": _demo,
    "tap": _tap,
    "where": _where,
    "journey": _journey,
    "checkpoint": _checkpoint,
    "doctor": _doctor,
    "sql": _sql,
    "workflow": workflow_options.add,
    "store": _store,
    "config": _config,
    "hospital": _hospital,
    "replay": _replay,
}
