"""The segment that is being written, the bodies that wait to be, and the lock that keeps other processes out.

Used by the log alone, under its rules about threads.
"""

from __future__ import annotations

import fcntl
import os
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from collector.wal.errors import WalLocked
from collector.wal.segments import Segment


@dataclass(slots=True)
class Waiting:
    """A body on its way to the disk, and who waits for it."""

    body: bytes
    future: Future[None]
    digest: bytes


@dataclass(slots=True)
class Active:
    """The open segment: `size` synced bytes in `records` records."""

    number: int
    path: Path
    descriptor: int
    size: int = 0
    records: int = 0
    since: float = 0.0
    opened: float = 0.0
    # None once memory for pending bodies has run out.
    kept: list[Waiting] | None = field(default_factory=list)

    def sealed(self) -> Segment:
        """The finished segment, as the writers take it."""
        kept = self.kept
        return Segment(
            self.number,
            self.path,
            self.size,
            self.records,
            self.since,
            tuple(waiting.body for waiting in kept) if kept is not None else None,
            tuple(waiting.digest for waiting in kept) if kept is not None else None,
        )


def lock(directory: Path) -> int:
    """A descriptor that keeps the folder to this process until it is closed. Raises WalLocked."""
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise WalLocked(f"another process uses the write-ahead log in {directory}") from error
    return descriptor
