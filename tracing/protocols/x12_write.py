"""Writing X12 interchanges (005010 envelopes: ISA, GS, ST … SE, GE, IEA).

Called through `x12` by whatever plays a trading partner. Counts, control numbers and trailers come
out right by construction; the caller brings the body segments of each transaction set. Files that
pass through Caretrail are never rewritten with this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final

from tracing.protocols.x12_envelope import ISA_LENGTH, Separators

Element = str | Sequence[str]
"""An element as text, or a composite as the sequence of its components."""

_FUNCTIONAL_GROUPS: Final = {
    "270": "HS",
    "271": "HB",
    "276": "HR",
    "277": "HN",
    "835": "HP",
    "837": "HC",
    "997": "FA",
    "999": "FA",
}
"""GS01 by ST01 (X12 data element 479)."""
_WITHOUT_ST03: Final = frozenset({"835", "997"})
STANDARD: Final = Separators()
"""`*` `:` `^` `~`, what health care uses unless partners agree otherwise."""


class UnwritableError(ValueError):
    """A value that X12 cannot carry with the given separators, or that does not fit its field."""


@dataclass(frozen=True, slots=True)
class OutgoingTransaction:
    """A transaction set to write: ST01, ST03, and the segments between ST and SE.

    `st02` is the transaction set control number; None numbers the sets 0001, 0002, … by position.
    """

    st01: str
    version: str
    body: Sequence[Sequence[Element]]
    st02: str | None = None


def write_interchange(
    transactions: Sequence[OutgoingTransaction],
    *,
    sender: str,
    receiver: str,
    control: int,
    now: datetime,
    qualifier: str = "ZZ",
    usage: str = "P",
    separators: Separators = STANDARD,
    line_end: str = "",
) -> bytes:
    """One interchange with `transactions`; neighbours of one kind and version share a group.

    `sender` and `receiver` are ISA06/GS02 and ISA08/GS03 (at most 15 characters), `control` ISA13
    (1 to 999999999); GS06 counts up from it. `now` dates the envelopes in its own zone, since X12 has
    none. `usage` ISA15 is P or T. `line_end` is written behind every terminator. Raises
    UnwritableError.
    """
    if not 1 <= control <= 999_999_999:
        raise UnwritableError(f"interchange control number {control} is not between 1 and 999999999")
    for name, value in (("sender", sender), ("receiver", receiver)):
        if not (1 <= len(value) <= 15 and value.isascii()):
            raise UnwritableError(f"{name} must have 1 to 15 ASCII characters, it has {len(value)}")
    writer = _Writer(separators)
    repetition = separators.repetition or "U"
    isa = (
        *("ISA", "00", " " * 10, "00", " " * 10, qualifier, sender.ljust(15), qualifier, receiver.ljust(15)),
        *(now.strftime("%y%m%d"), now.strftime("%H%M"), repetition, "00501", f"{control:09}", "0", usage),
        separators.component,
    )
    segments = [separators.element.join(isa)]
    if len(segments[0]) != ISA_LENGTH - 1:
        raise UnwritableError(
            "ISA is not 106 characters long: qualifier and usage must be codes of fixed length"
        )
    groups = 0
    for number, (_, group) in enumerate(groupby(transactions, lambda one: (one.st01, one.version))):
        members = list(group)
        gs06 = str((control + number - 1) % 999_999_999 + 1)
        kind, version = members[0].st01, members[0].version
        stamp = (now.strftime("%Y%m%d"), now.strftime("%H%M"))
        gs01 = _FUNCTIONAL_GROUPS.get(kind)
        if gs01 is None:
            raise UnwritableError(f"no functional group is known for transaction set {kind!r}")
        segments.append(writer.segment(("GS", gs01, sender, receiver, *stamp, gs06, "X", version)))
        for place, transaction in enumerate(members, 1):
            st02 = transaction.st02 or f"{place:04}"
            st03 = "" if kind in _WITHOUT_ST03 else version
            segments.append(writer.segment(("ST", kind, st02, st03)))
            segments += map(writer.segment, transaction.body)
            segments.append(writer.segment(("SE", str(len(transaction.body) + 2), st02)))
        segments.append(writer.segment(("GE", str(len(members)), gs06)))
        groups += 1
    segments.append(writer.segment(("IEA", str(groups), f"{control:09}")))
    end = separators.terminator + line_end
    return "".join(segment + end for segment in segments).encode("utf-8")


class _Writer:
    def __init__(self, separators: Separators) -> None:
        used = [separators.element, separators.component, separators.terminator]
        used += [separators.repetition] if separators.repetition else []
        if len(set(used)) != len(used) or any(
            len(one) != 1 or one.isalnum() or not one.isascii() or one == " " for one in used
        ):
            raise UnwritableError("separators must be different single ASCII signs, no letters or digits")
        self._element = separators.element
        self._component = separators.component
        self._forbidden = frozenset((*used, "\r", "\n"))

    def segment(self, elements: Sequence[Element]) -> str:
        """The segment without terminator; empty elements at its end are left out (X12.6 3.8.3)."""
        texts = [self._text(element) for element in elements]
        while len(texts) > 1 and not texts[-1]:
            texts.pop()
        return self._element.join(texts)

    def _text(self, element: Element) -> str:
        if isinstance(element, str):
            return self._checked(element)
        parts = [self._checked(part) for part in element]
        while parts and not parts[-1]:
            parts.pop()
        return self._component.join(parts)

    def _checked(self, value: str) -> str:
        if not self._forbidden.isdisjoint(value):
            raise UnwritableError(
                "a value contains a separator or a line end, and X12 has no escape for them"
            )
        return value
