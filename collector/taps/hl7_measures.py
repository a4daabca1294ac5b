"""The numbers of an HL7 v2 message: what was charged, how many and for how much.

Called by `observe_hl7` for every message, with the segments it has found already or with the general reader.
Numbers go out and nothing else: what is not written as a number has no measure. It must never raise, and cost
nothing where a message has none of the segments.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from collector.taps.hops import by_code, encode_measure
from tracing import attributes as names
from tracing.protocols.hl7v2 import Message, Path, compile_path

CURRENCY = "currency"
"""The tag that names the currency of amounts."""
_MONEY = re.compile(r"FT1-(11|12|15|22)(\[|\.|$)")
"""Money (CP, in old versions MO) in the charge segment of HL7 v2.5.1, 6.5.1."""
_NUMBER = re.compile(rb"[+-]?(\d{1,15}(\.\d{0,12})?|\.\d{1,12})")
_ISO_4217 = re.compile(r"[A-Z]{3}")
_CREDITS = (b"CD", b"CR")
_PAYMENTS = (b"PY", b"CO")
_CHARGE, _TYPE = b"FT1", 6
_NULL = b'""'
_Rows = Callable[[bytes], list[list[bytes]]]


class _Rule(NamedTuple):
    path: Path
    money: bool
    encode: Callable[[float], bytes]


class _Separators(NamedTuple):
    repetition: bytes = b"~"
    component: bytes = b"^"
    subcomponent: bytes = b"&"


_CUSTOMARY = _Separators()


class Hl7Measures:
    """The measures of one interface: each is the sum over every such segment of a message.

    `currency`: whether the currency of money is told; not where an interface reads it from elsewhere.
    """

    def __init__(self, paths: Mapping[str, str], currency: bool) -> None:
        self._rules = [_rule(name, compile_path(path)) for name, path in paths.items()]
        self.segments = frozenset(rule.path.name for rule in self._rules)
        self._encode = by_code(names.TAG + CURRENCY, _ISO_4217) if currency else None

    def of_lines(self, lines: Iterable[bytes]) -> bytes:
        """Encoded measures of segments with the customary separators, up to a second patient's."""
        wanted: dict[bytes, list[list[bytes]]] = {}
        patients = 0
        for line in lines:
            name = line[:3]
            if name == b"PID":
                patients += 1
                if patients > 1:
                    break
            if name in self.segments:
                wanted.setdefault(name, []).append(line.split(b"|"))
        return self._of(lambda name: wanted.get(name, []), _CUSTOMARY) if wanted else b""

    def read(self, message: Message) -> bytes:
        """The same by the general reader; of a message about several patients, of the first."""
        field = message.encoding.field
        if not any(b"\r" + name + field in message.data or name == b"MSH" for name in self.segments):
            return b""
        first = message.groups(1)[0]
        written = first.encoding
        return self._of(first.rows, _Separators(written.repetition, written.component, written.subcomponent))

    def _of(self, rows: _Rows, separators: _Separators) -> bytes:
        totals: list[tuple[_Rule, float]] = []
        currencies: set[str] = set()
        for rule in self._rules:
            total = _total(rule, rows(rule.path.name), separators, currencies)
            if total is not None:
                totals.append((rule, float(total)))
        # Two currencies in one message are never one amount.
        mixed = len(currencies) > 1
        found = b"".join(rule.encode(total) for rule, total in totals if not (mixed and rule.money))
        if self._encode is not None and len(currencies) == 1:
            found += self._encode(currencies.pop())
        return found


def _rule(name: str, path: Path) -> _Rule:
    money = path.component <= 1 and (name == "amount" or _MONEY.match(path.text) is not None)
    return _Rule(path, money, lambda value: encode_measure(name, value))


def _total(
    rule: _Rule, rows: list[list[bytes]], separators: _Separators, currencies: set[str]
) -> Decimal | None:
    """The sum; None where there is no number, or one that is malformed: half a sum would be a wrong one."""
    path = rule.path
    if path.occurrence:
        rows = rows[path.occurrence - 1 : path.occurrence]
    found = None
    for fields in rows:
        if path.field >= len(fields):
            continue
        field = fields[path.field]
        if not field or field == _NULL:
            continue
        kind = _kind(fields) if path.name == _CHARGE else b""
        if kind in _PAYMENTS:
            continue
        components = _part(field, separators.repetition, path.repetition).split(separators.component)
        place = max(path.component, 1) - 1
        component = components[place] if place < len(components) else b""
        text = _part(component, separators.subcomponent, path.subcomponent).strip()
        if not text or text == _NULL:
            continue
        if _NUMBER.fullmatch(text) is None:
            return None
        number = Decimal(text.decode("ascii"))
        found = (found or Decimal()) + (-abs(number) if kind in _CREDITS else number)
        if rule.money:
            currency = _part(component, separators.subcomponent, 2).strip() or (
                components[1].strip() if len(components) > 1 else b""
            )
            name = currency.decode("ascii", "replace").upper()
            if _ISO_4217.fullmatch(name):
                currencies.add(name)
    return found


def _kind(fields: list[bytes]) -> bytes:
    """FT1-6 (HL7 table 0017): CG charge, CD credit, PY payment, AJ adjustment; CR and CO are seen, too."""
    return fields[_TYPE].strip().upper() if len(fields) > _TYPE else b""


def _part(text: bytes, separator: bytes, number: int) -> bytes:
    parts = text.split(separator)
    place = max(number, 1) - 1
    return parts[place] if place < len(parts) else b""
