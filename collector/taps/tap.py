"""What a running tap is, whatever its kind, and what it is given to stand on.

Implemented by each kind of interface, called by `run`. It must never know of a particular kind.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from collector.taps.awaiting import Awaiting
from collector.taps.hops import KeyEncoder
from collector.taps.spool import Spool
from collector.taps.turn import Turn


class Tap(Protocol):
    """One interface, watched."""

    async def start(self) -> tuple[str, int] | None:
        """Begin; the address where it listens, if it does. Raises `TapConfigError`."""
        ...

    async def stop(self, drain_seconds: float) -> None:
        """Take nothing new, let what is under way end within `drain_seconds`, then end."""
        ...

    def counters(self) -> dict[str, Any]:
        """What happened since it started; the names are stable."""
        ...


@runtime_checkable
class Sparing(Protocol):
    """A tap that can do without looking."""

    def spare(self, sparing: bool) -> None:
        """Pass everything unread while there is no memory for more, and count it."""
        ...


@dataclass(frozen=True)
class Ground:
    """What the taps of a process share."""

    turn: Turn
    """Sink of taps in the message path: recorded at the end of the event loop's turn."""
    spool: Spool
    """Sink of taps that work in threads."""
    keys: KeyEncoder
    state: Path
    """Folder for what a tap must still know after a restart; one file per interface, named after it."""
    awaiting: Awaiting = field(default_factory=Awaiting)
    """HL7 messages that are received and not yet processed."""
