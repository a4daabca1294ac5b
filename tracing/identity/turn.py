"""Whose turn it is when several resolvers run: one works, the others stand by until it has been silent.

Called by a resolver before each step. Should two believe that it is theirs for a moment, both work, which
does no harm: it must never be relied upon for more than not doing the work twice.
"""

from __future__ import annotations

from secrets import randbits
from time import monotonic

from tracing.store import Store, load_sql

_PACKAGE = "tracing.identity.sql"
#: Seconds after which a silent one has lost its turn; each says every third of it that it is there.
SILENT_S = 5.0


class Turn:
    """One contender for the work of `reader`. Times are the store's: clocks of machines need not agree."""

    def __init__(self, store: Store, reader: str) -> None:
        self._store = store
        self._reader = f"{reader}/turn"
        self._me = randbits(32)
        self._renewed = -SILENT_S

    def mine(self) -> bool:
        """Whether to work now. Raises StoreError."""
        if monotonic() - self._renewed < SILENT_S / 3:
            return True
        asked = {"reader": self._reader, "silent_ms": round(SILENT_S * 1000)}
        last = self._store.query(load_sql(_PACKAGE, "turn.sql"), asked).rows
        if last and last[0][0] != self._me:
            return False
        self._store.command(load_sql(_PACKAGE, "take_turn.sql"), {"reader": self._reader, "me": self._me})
        self._renewed = monotonic()
        return True
