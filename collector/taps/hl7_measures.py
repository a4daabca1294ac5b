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

from collector.taps.hops import by_code
from tracing import attributes as names
from tracing import spans
from tracing.protocols.hl7v2 import Message, Path, compile_path

CURRENCY = "currency"
"""The tag that names the currency of amounts."""
_MONEY = re.compile(r"FT1-(11|12|15|22)(\[|\.|$)")
"""Money (CP, in old versions MO) in the charge segment of HL7 v2.5.1, 6.5.1."""
_NUMBER = re.compile(rb"[+-]?(\d{1,15}(\.\d{0,12})?|\.\d{1,12})")
_ISO_4217 = re.compile(rb"[A-Z]{3}")
_CREDITS = (b"CD", b"CR")
_PAYMENTS = (b"PY", b"CO")
_CHARGE, _TYPE = b"FT1", 6
_NULL = b'""'
_Rows = Callable[[bytes], list[list[bytes]]]


class _Separators(NamedTuple):
    repetition: bytes = b"~"
    component: bytes = b"^"
    subcomponent: bytes = b"&"


_CUSTOMARY = _Separators()


class _Rule:
    """One measure."""

    def __init__(self, name: str, path: Path) -> None:
        self.path = path
        self.money = path.component <= 1 and (name == "amount" or _MONEY.match(path.text) is not None)
        self.encode = spans.double_attribute(names.MEASURE + name)

    def _read(self, field: bytes, separators: _Separators) -> tuple[Decimal | None, bytes]:
        """What a field says, and in which currency; None for nothing. ValueError if it is no number."""
        path = self.path
        if separators.repetition in field or path.repetition > 1:
            field = _part(field, separators.repetition, path.repetition)
        components = field.split(separators.component)
        place = path.component - 1 if path.component else 0
        parts = components[place].split(separators.subcomponent) if place < len(components) else []
        place = path.subcomponent - 1 if path.subcomponent else 0
        text = parts[place].strip() if place < len(parts) else b""
        if not text or text == _NULL:
            return None, b""
        if _NUMBER.fullmatch(text) is None:
            raise ValueError("no number")
        beside = b""
        if self.money:
            beside = (parts[1] if len(parts) > 1 else b"") or (components[1] if len(components) > 1 else b"")
        return Decimal(text.decode("ascii")), beside

    def total(self, rows: list[list[bytes]], separators: _Separators, currencies: set[str]) -> Decimal | None:
        """The sum; None where there is no number, or a malformed one: half a sum would be a wrong one."""
        number = self.path.field
        if self.path.occurrence:
            rows = rows[self.path.occurrence - 1 : self.path.occurrence]
        total = None
        for fields in rows:
            field = fields[number] if number < len(fields) else b""
            kind = _kind(fields) if fields[0] == _CHARGE else b""
            if not field or kind in _PAYMENTS:
                continue
            try:
                written, beside = self._read(field, separators)
            except ValueError:
                return None
            if written is None:
                continue
            signed = -abs(written) if kind in _CREDITS else written
            total = signed if total is None else total + signed
            if beside:
                currency = beside.strip().upper()
                if _ISO_4217.fullmatch(currency):
                    currencies.add(currency.decode("ascii"))
        return total


class Hl7Measures:
    """The measures of one interface: each is the sum over every such segment of a message.

    `currency`: whether the currency of money is told; not where an interface reads it from elsewhere.
    """

    def __init__(self, paths: Mapping[str, str], currency: bool) -> None:
        self._rules = [_Rule(name, compile_path(path)) for name, path in paths.items()]
        self.segments = frozenset(rule.path.name for rule in self._rules)
        self._encode = by_code(names.TAG + CURRENCY) if currency else None

    def of_lines(self, lines: Iterable[bytes]) -> bytes:
        """Encoded measures of segments with the customary separators, of one patient."""
        wanted: dict[bytes, list[list[bytes]]] = {}
        for line in lines:
            name = line[:3]
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
            total = rule.total(rows(rule.path.name), separators, currencies)
            if total is not None:
                totals.append((rule, float(total)))
        # Two currencies in one message are never one amount.
        mixed = len(currencies) > 1
        found = b"".join(rule.encode(total) for rule, total in totals if not (mixed and rule.money))
        if self._encode is not None and len(currencies) == 1:
            found += self._encode(currencies.pop())
        return found


def _kind(fields: list[bytes]) -> bytes:
    """FT1-6 (HL7 table 0017): CG charge, CD credit, PY payment, AJ adjustment; CR and CO are seen, too."""
    return fields[_TYPE].strip().upper() if len(fields) > _TYPE else b""


def _part(text: bytes, separator: bytes, number: int) -> bytes:
    parts = text.split(separator)
    place = max(number, 1) - 1
    return parts[place] if place < len(parts) else b""
