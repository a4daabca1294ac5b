"""The clock offsets as people see them. Called by the interfaces page, the REST interface and the doctor."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from tracing.clocks.estimate import IGNORED
from tracing.store import Store, load_sql


class ClockRow(NamedTuple):
    """How far an interface's clock is ahead (negative: behind) since a moment, and how exact that is."""

    interface: str
    since: datetime
    offset_ms: int
    within_ms: int
    samples: int
    tap: str

    @property
    def is_corrected(self) -> bool:
        """Whether workflows take the offset off."""
        return abs(self.offset_ms) >= IGNORED / timedelta(milliseconds=1)

    @property
    def words(self) -> str:
        """`4.2 s ahead`, for people."""
        size = abs(self.offset_ms)
        amount = f"{size} ms" if size < 1000 else f"{size / 1000:.1f} s"
        return f"{amount} {'ahead' if self.offset_ms > 0 else 'behind'}" if size else "exact"


def offsets(store: Store, now: datetime) -> list[ClockRow]:
    """The newest offset of each interface, by name. Raises StoreError."""
    return [
        ClockRow(*row)
        for row in store.query(load_sql("tracing.clocks.sql", "offsets.sql"), {"now": now}).rows
    ]
