"""Two questions at once: an answer that needs several takes as long as the longest chain of them.

Used by search and the encounter page, whose callers have further handles of the store and threads for them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from tracing.store import Store

T = TypeVar("T")


class Beside(Protocol):
    """Begins to ask something, with a handle of its own; what it returns waits for the answer."""

    def __call__(self, ask: Callable[[Store], T], /) -> Callable[[], T]: ...


def in_turn(store: Store) -> Beside:
    """For callers with one handle: asked when the answer is wanted."""
    return lambda ask: lambda: ask(store)
