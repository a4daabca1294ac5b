"""What the X12 transactions of purchasing say: 850, 855, 856 and 810 (X12 004010 to 005010).

Called by `x12_parts`. Orders are known by the buyer's purchase order number: BEG03, BAK03, PRF01, BIG04.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Final

from tracing.protocols.x12_envelope import Segment, Transaction

_NUMBER: Final = {"BEG": 3, "BAK": 3, "PRF": 1, "BIG": 4}
_LINE: Final = {"850": "PO1", "855": "PO1", "810": "IT1", "856": "SN1"}
MOST_GOODS: Final = 24
_PAIRS: Final = {"PO1": 6, "IT1": 6, "LIN": 2}
"""Segments with pairs of qualifier and number, and where these begin."""
_GOODS: Final = {
    "IN": ("item", ""),
    "BP": ("item", ""),
    "VN": ("item", "VENDOR"),
    "VC": ("item", "VENDOR"),
    "UK": ("item", "GTIN"),
    "UP": ("item", "GTIN"),
    "UI": ("item", "GTIN"),
    "ND": ("item", "NDC"),
    "N4": ("item", "NDC"),
    "LT": ("lot", ""),
}
_TAKEN: Final = frozenset({"IA", "AC", "IP", "IQ", "DR", "IB", "IC", "IS", "IE", "BP"})
"""ACK01, line item status 668: taken, perhaps later, in part or as a substitute."""
_CHANGED: Final = frozenset({"IB", "IC", "IQ", "IS", "IP", "BP"})
"""Taken, but not as ordered: back-ordered, other quantity, price or item."""


def element(segment: Segment, number: int) -> str:
    """Element `number` without blanks around it; "" when the segment is shorter."""
    return segment[number].strip() if number < len(segment) else ""


def amount(text: str) -> Decimal | None:
    """A finite decimal number of at most 18 characters, else None."""
    if not text or len(text) > 18:
        return None
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def order_numbers(transaction: Transaction) -> Iterator[str]:
    """Purchase order numbers, in order of appearance."""
    for segment in transaction.segments:
        place = _NUMBER.get(segment[0])
        if place is not None and (number := element(segment, place)):
            yield number


def goods(transaction: Transaction) -> tuple[tuple[str, str, str], ...]:
    """What was ordered, as keys: the requisition behind it if there is one, then items and lots.

    Items by their pairs of qualifier and number (element 235): the buyer's own number (IN, BP) is the site's,
    the seller's (VN, VC) the vendor's, GTIN and NDC (UK, UP, UI, ND, N4) the world's.
    """
    requisitions: dict[str, None] = {}
    found: dict[tuple[str, str, str], None] = {}
    for segment in transaction.segments:
        name = segment[0]
        if name == "REF" and (number := element(segment, 2)):
            if element(segment, 1) == "RQ":
                requisitions[number] = None
            elif element(segment, 1) == "LT":
                found["lot", "", number] = None
        elif (start := _PAIRS.get(name)) is not None and len(found) < MOST_GOODS:
            for place in range(start, len(segment) - 1, 2):
                number = element(segment, place + 1)
                kind = _GOODS.get(element(segment, place))
                if kind is not None and number:
                    found[*kind, number] = None
    requisition = next(iter(requisitions)) if len(requisitions) == 1 else ""
    own = (("requisition", "", requisition),) if requisition else ()
    return own + tuple(found)


def numbered(transaction: Transaction) -> tuple[tuple[str, Decimal], ...]:
    """Lines, and the total where one is declared: AMT*TT (850, 855) in dollars, TDS01 (810) in cents."""
    lines = sum(segment[0] == _LINE[transaction.st01] for segment in transaction.segments)
    found = [("lines", Decimal(lines))]
    for segment in transaction.segments:
        total = None
        if segment[0] == "TDS":
            cents = amount(element(segment, 1))
            total = cents / 100 if cents is not None else None
        elif segment[0] == "AMT" and element(segment, 1) == "TT":
            total = amount(element(segment, 2))
        if total is not None:
            found.append(("amount", total))
            break
    return tuple(found)


def acknowledged(transaction: Transaction) -> tuple[str, str]:
    """Outcome and BAK02 of an 855: the supplier took all of the order, some of it, or nothing."""
    code = next((element(s, 2) for s in transaction.segments if s[0] == "BAK"), "")
    lines = [element(s, 1) for s in transaction.segments if s[0] == "ACK"]
    taken = [line for line in lines if line in _TAKEN]
    if code.startswith("R") or (lines and not taken):
        return "rejected", code
    if len(taken) < len(lines) or _CHANGED.intersection(taken):
        return "partial", code
    return "accepted", code
