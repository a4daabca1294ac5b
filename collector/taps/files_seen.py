"""Which observation of something known by its name was the first.

Called by the X12 observer. The first has the ID that follows from the name, so that answers find it; the
same control numbers seen again, because a file was sent again or its numbers are used again, must not take
that ID a second time. Loading the same file again is no second observation.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sqlite3
import threading
from pathlib import Path

log = logging.getLogger("caretrail.tap")

MOST = 2_000_000
"""Names that are remembered; the oldest are forgotten first."""


class FirstSeen:
    """A table of names and of what was first; on disk, or in memory with `:memory:`. Thread-safe."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = str(path)
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._written = 0

    def first(self, name: bytes, mark: str) -> bool:
        """Whether `mark` is the first observation of the 8 bytes `name`; yes where the disk gives trouble."""
        key = int.from_bytes(name, "big", signed=True)
        own = hashlib.blake2b(mark.encode(), digest_size=8).digest()
        try:
            with self._lock:
                connection = self._open()
                if connection.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (key, own)).rowcount > 0:
                    self._forget(connection)
                    return True
                row = connection.execute("SELECT mark FROM seen WHERE name = ?", (key,)).fetchone()
        except (sqlite3.Error, OSError) as error:
            log.error("what was seen first cannot be noted: %s", type(error).__name__)
            return True
        return row is None or bytes(row[0]) == own

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            if self._path != ":memory:":
                Path(self._path).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(
                "PRAGMA synchronous = OFF"
            )  # what a power cut loses was sent once more at most
            connection.execute("PRAGMA cache_size = -1024")
            connection.execute("CREATE TABLE IF NOT EXISTS seen (name INTEGER NOT NULL, mark BLOB NOT NULL)")
            connection.execute("CREATE UNIQUE INDEX IF NOT EXISTS seen_name ON seen (name)")
            self._connection = connection
        return self._connection

    def _forget(self, connection: sqlite3.Connection) -> None:
        self._written += 1
        if self._written % 10_000 == 0:
            connection.execute("DELETE FROM seen WHERE rowid <= (SELECT max(rowid) FROM seen) - ?", (MOST,))
