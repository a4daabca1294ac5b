"""The names that fields of ERP and SaaS documents usually have, and which kind of key each holds.

Called for JSON documents, rows and columns where nothing is configured. Only names that mean one thing are
here: an `accountNumber` in an ERP is one of its ledger's, an `orderNumber` anybody's, a `reference` anything.
It must never raise, and takes nothing but texts and whole numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

DEPTH: Final = 4
MOST: Final = 2000
"""Values of a document that are looked at."""

_STEMS: Final = {
    "visit": "visit",
    "encounter": "visit",
    "patientaccount": "account",
    "hospitalaccount": "account",
    "billingaccount": "account",
    "claim": "claim",
    "case": "case",
    "surgicalcase": "case",
    "purchaseorder": "purchase_order",
    "po": "purchase_order",
    "journal": "journal",
    "journalentry": "journal",
    "remittance": "remittance",
    "requisition": "requisition",
    "purchaserequisition": "requisition",
    "appointment": "appointment",
    "invoice": "invoice",
    "shipment": "shipment",
    "medicalrecord": "mrn",
    "item": "item",
    "lot": "lot",
    "batchlot": "lot",
}
_ENDS: Final = ("number", "no", "num", "nbr", "id", "identifier")
_WHOLE: Final = {
    "mrn": "mrn",
    "csn": "visit",
    "itemcode": "item",
    "lotcode": "lot",
    "lot": "lot",
}
KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {stem + end: kind for stem, kind in _STEMS.items() for end in _ENDS} | _WHOLE
)
"""Kind of key by the name of a field, small letters without separators."""
_IN_LISTS: Final = frozenset({"item", "lot"})
"""A list in a document has many; only what merely searches is taken from one."""
_SEPARATORS: Final = re.compile(r"[\s_.-]+")


def kind_of(name: str) -> str:
    """The kind of key that a field of this name holds; "" for names that do not say."""
    return KINDS.get(_SEPARATORS.sub("", name).lower(), "") if len(name) <= 40 else ""


def keys(document: object) -> list[tuple[str, str]]:
    """`(kind, value)` of every field of a document whose name says what it is, in the order of the document.

    Of kinds that join messages, one with two different values in one document is left out: it is a batch.
    """
    found = list(dict.fromkeys(_walk(document, DEPTH, [MOST], False)))
    values: dict[str, set[str]] = {}
    for kind, value in found:
        values.setdefault(kind, set()).add(value)
    return [(kind, value) for kind, value in found if kind in _IN_LISTS or len(values[kind]) == 1]


def places() -> list[tuple[str, str]]:
    """Kinds, each with the name it goes by, for those who ask where keys are read from."""
    return [(kind, f"{stem}-number") for stem, kind in _STEMS.items()]


def _walk(value: object, depth: int, left: list[int], listed: bool) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            left[0] -= 1
            if left[0] < 0:
                return
            if isinstance(inner, Mapping | list):
                if depth:
                    yield from _walk(inner, depth - 1, left, listed)
            elif isinstance(name, str) and (kind := kind_of(name)):
                text = _text(inner)
                if text and (not listed or kind in _IN_LISTS):
                    yield kind, text
    elif isinstance(value, list):
        for inner in value:
            left[0] -= 1
            if left[0] < 0:
                return
            if isinstance(inner, Mapping | list) and depth:
                yield from _walk(inner, depth - 1, left, True)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return ""
