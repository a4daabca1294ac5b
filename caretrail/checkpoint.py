"""`caretrail checkpoint`: a script says "this happened", with values made into tokens on this machine.

Exit code 0: durable at the collector; 2: what was said is wrong; 3: the collector could not be asked. It must
never print a value back, and never send one: only tokens and sealed values leave.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from caretrail.instance import CannotStart, find_config
from caretrail.settings import load
from collector.checkpoint_client import CheckpointNotTaken, CheckpointRefused, send
from tracing.authorities import Authorities

_PLAIN = ("workflow", "step", "interface", "source", "destination", "message", "outcome", "reason")


def run(options: argparse.Namespace) -> int:
    """Build the document, send it, say in one line what came of it."""
    try:
        document = _read(options.file) if options.file else json.dumps(_document(options)).encode()
        url, key, authorities = _where(options)
        answer = send(url, document, site_key=key, authorities=authorities)
    except (_WrongWords, CheckpointRefused) as error:
        print(f"caretrail checkpoint: {error}", file=sys.stderr)
        return 2
    except CheckpointNotTaken as error:
        print(f"caretrail checkpoint: {error}", file=sys.stderr)
        return 3
    if options.json:
        print(json.dumps(answer))
    else:
        count = len(answer.get("checkpoints", [answer]))
        trace = f", trace {answer['trace_id']}" if "trace_id" in answer else ""
        print(f"{count} checkpoint{'' if count == 1 else 's'} taken{trace}")
    return 0


class _WrongWords(Exception):
    """An option that cannot be read; names it, never its value."""


def _document(options: argparse.Namespace) -> dict[str, Any]:
    found = {name: value for name in _PLAIN if (value := getattr(options, name)) is not None}
    found |= {name: value for name in ("id", "facility") if (value := getattr(options, name)) is not None}
    found["at"] = _moment(options.at).isoformat()
    if not options.key:
        raise _WrongWords("--key: name at least one, for example --key visit:V123")
    found["keys"] = [_key(text, options.authority) for text in options.key]
    found["measures"] = {name: _number(value) for name, value in map(_measure, options.measure)}
    found["attributes"] = dict(_pair(text, "--attribute", "name=code") for text in options.attribute)
    return found


def _key(text: str, authority: str) -> dict[str, str]:
    kind, colon, value = text.partition(":")
    if not colon or not kind:
        raise _WrongWords("--key: write kind:value, for example visit:V123, or visit:- to read the value")
    if value == "-":
        value = sys.stdin.readline().strip()
    return {"kind": kind, "value": value, "authority": authority}


def _pair(text: str, option: str, form: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise _WrongWords(f"{option}: write {form}")
    return name, value


def _measure(text: str) -> tuple[str, str]:
    return _pair(text, "--measure", "name=number, for example amount=12.5")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise _WrongWords("--measure: write name=number, for example amount=12.5") from None


def _moment(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        return datetime.fromisoformat(text).astimezone()  # without a zone: this machine's
    except (ValueError, OverflowError):
        raise _WrongWords("--at: write a time such as 2026-11-22T14:02:07Z") from None


def _read(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise _WrongWords(f"--file: cannot read it: {error.strerror}") from None


def _where(options: argparse.Namespace) -> tuple[str, Path, Authorities]:
    """The collector, the site key and the site's spelling of keys: as given, else from the settings."""
    if options.url and options.site_key and not options.config:
        return options.url, Path(options.site_key), Authorities()
    try:
        configuration = load(find_config(options.config))
    except CannotStart as error:
        raise CannotStart(f"{error}. Or give --url and --site-key") from None
    key = (
        Path(options.site_key)
        if options.site_key
        else configuration.path(configuration.settings.site.key_file)
    )
    url = options.url or configuration.settings.taps.endpoint
    return url, key, Authorities(configuration.settings.identity)
