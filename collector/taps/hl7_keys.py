"""How the keys of an HL7 v2 message are read: by the general reader, or from raw fields if these are enough.

Called by `observe_hl7` once per rule and interface; what it makes runs for every message. It must never
guess: where a raw field does not answer alone, there is nothing simple about the rule.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from collector.taps.config import Hl7Key
from collector.taps.fast_hl7 import Plan
from tracing.keys import Key, business_key
from tracing.protocols.hl7v2 import Message, Path, compile_path

_EI = re.compile(r"(ORC-[2348]|OB[RX]-(2|3|28|29)|SCH-[12]|TXA-1[2-5])(\[|\.|$)")

KeyReader = Callable[[Message, list[Key]], None]


class Simple(NamedTuple):
    """Rules that a raw field answers alone: its place, the rule, where an authority may be named."""

    keys: list[tuple[int, Hl7Key, int, int]]
    tags: list[tuple[int, Callable[[str], bytes]]]


def simple(
    made: Plan | None, rules: Iterable[Hl7Key], tags: list[tuple[Path, Callable[[str], bytes]]]
) -> Simple | None:
    """None where a rule asks for more than the first component of the first repetition."""
    paths = [(compile_path(rule.path), rule) for rule in rules]
    named = [path for path, _ in paths] + [path for path, _ in tags]
    if made is None or any(p.component > 1 or p.subcomponent or p.repetition or p.occurrence for p in named):
        return None
    return Simple(
        [
            (made.place(path), rule, *((2, 3) if rule.kind != "mrn" and _is_ei(path) else (4, 0)))
            for path, rule in paths
        ],
        [(made.place(path), encode) for path, encode in tags],
    )


def _is_ei(path: Path) -> bool:
    return _EI.match(f"{path.segment}-{path.field}") is not None


def key_reader(rule: Hl7Key, default: str) -> KeyReader:
    path = compile_path(rule.path)
    kind, forced = rule.kind, rule.authority
    if path.component > 1 or path.subcomponent > 1:
        return _plain(kind, path, forced or default)
    authority = () if forced is not None else _authority_paths(path)
    if kind == "mrn":
        return _every(kind, path, forced, default)
    candidates = tuple(compile_path(text) for text in authority)
    return _first(kind, path, candidates, forced or default)


def _authority_paths(path: Path) -> tuple[str, str]:
    """Where the assigning authority stands: CX.4.1, else CX.4.2; for order numbers EI.2, else EI.3."""
    repetition = f"[{path.repetition}]" if path.repetition else ""
    occurrence = f"[{path.occurrence}]" if path.occurrence else ""
    field = f"{path.segment}{occurrence}-{path.field}{repetition}"
    if _is_ei(path):
        return f"{field}.2", f"{field}.3"
    return f"{field}.4.1", f"{field}.4.2"


def _plain(kind: str, path: Path, authority: str) -> KeyReader:
    def read(message: Message, found: list[Key]) -> None:
        key = business_key(kind, message.value(path), None, authority)
        if key is not None:
            found.append(key)

    return read


def _first(kind: str, path: Path, authorities: tuple[Path, ...], default: str) -> KeyReader:
    def read(message: Message, found: list[Key]) -> None:
        value = message.value(path)
        if value is None:
            return
        authority = None
        for candidate in authorities:
            authority = message.value(candidate)
            if authority is not None:
                break
        key = business_key(kind, value, authority, default)
        if key is not None:
            found.append(key)

    return read


def _every(kind: str, path: Path, forced: str | None, default: str) -> KeyReader:
    def read(message: Message, found: list[Key]) -> None:
        for value, authority in message.cx(path):
            key = business_key(kind, value, authority if forced is None else forced, default)
            if key is not None:
                found.append(key)

    return read
