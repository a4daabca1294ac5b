"""Parameters of queries in the form the driver sends, where its own way of writing them is slow.

Called by the store for every statement. It must never change what a value means: what it does not know for
certain to be plain is left to the driver.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Written:
    """A value that is written already; the driver sends an object it does not know as its `str`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text


def bound(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """`parameters` with long lists of plain texts written as the driver writes them.

    The driver looks at every character of every text for what must be escaped: half a second for the tokens
    of a busy second.
    """
    return {name: _written(value) for name, value in parameters.items()}


def _written(value: Any) -> Any:
    if not isinstance(value, list) or not value or not all(type(one) is str for one in value):
        return value
    # Letters and digits alone: nothing to escape, and no surrogate that cannot be sent.
    return Written("['" + "', '".join(value) + "']") if "".join(value).isalnum() else value
