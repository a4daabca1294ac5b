"""Which files a folder tap has taken, across restarts, in a small database on disk.

Called by the folder tap. A million files cost some 60 MB of disk and next to no memory. Names are kept as
keyed hashes, because a file may be named after a patient. It must never raise for a full or broken disk: what
is not noted is read again, to the same spans.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

log = logging.getLogger("caretrail.tap")

MOST_HELD = 100_000
"""Files remembered in memory only, while the disk takes no notes."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (salt BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS taken (
    name INTEGER PRIMARY KEY, size INTEGER NOT NULL, mtime INTEGER NOT NULL, inode INTEGER NOT NULL,
    digest BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS taken_inode ON taken (inode);
CREATE TABLE IF NOT EXISTS contents (content INTEGER PRIMARY KEY, name INTEGER NOT NULL);
"""


class Stamp(NamedTuple):
    """What a directory says of a file: a change means that it is still being written, or new."""

    size: int
    mtime_ns: int
    inode: int


class Taken(NamedTuple):
    """A file as it was when it was taken; `digest` are 16 bytes of its SHA-256, empty if it was not read."""

    stamp: Stamp
    digest: bytes


class TakenFiles:
    """The table of one folder. Used by one thread at a time."""

    def __init__(self, path: Path, most: int = 2_000_000) -> None:
        self.is_new = not path.exists()
        self._path = path
        self._most = most
        self._salt = b""
        self._connection: sqlite3.Connection | None = None
        self._held: dict[int, Taken] = {}

    def find(self, name: str) -> Taken | None:
        """The file of this name, if it was taken."""
        key = self._hash(name)
        if key in self._held:
            return self._held[key]
        row = self._one("SELECT size, mtime, inode, digest FROM taken WHERE name = ?", (key,))
        return Taken(Stamp(*row[:3]), bytes(row[3])) if row else None

    def others(self, files: list[tuple[str, Stamp]]) -> list[tuple[str, Stamp]]:
        """Those that were not taken as they are now."""
        by_key = {self._hash(name): (name, stamp) for name, stamp in files}
        asked = ",".join("?" * len(by_key))
        rows = self._all(f"SELECT name, size, mtime, inode FROM taken WHERE name IN ({asked})", tuple(by_key))
        for key, *stamp in rows:
            if by_key[key][1] == tuple(stamp):
                del by_key[key]
        for key in self._held.keys() & by_key.keys():
            if by_key[key][1] == self._held[key].stamp:
                del by_key[key]
        return list(by_key.values())

    def was_taken(self, name: str, size: int, digest: bytes) -> bool:
        """Whether a file of this name, size and content was ever taken."""
        row = self._one("SELECT 1 FROM contents WHERE content = ?", (self._content(name, size, digest),))
        return row is not None

    def before(self, name: str, inode: int, recent: int = 0) -> list[Taken]:
        """What this file may have been before: the same name, the same inode, or one of the last `recent`."""
        found = self._all(
            "SELECT size, mtime, inode, digest FROM taken WHERE name = ? OR inode = ?",
            (self._hash(name), inode),
        )
        if recent:
            found += self._all(
                "SELECT size, mtime, inode, digest FROM taken ORDER BY mtime DESC LIMIT ?", (recent,)
            )
        return [Taken(Stamp(*row[:3]), bytes(row[3])) for row in found if row[3]]

    def note(self, files: Iterable[tuple[str, Stamp, bytes]]) -> None:
        """Remember files as taken, together; in memory, where the disk does not take it."""
        noted = [(self._hash(name), name, Taken(stamp, digest)) for name, stamp, digest in files]
        if not noted:
            return
        try:
            connection = self._open()
            connection.execute("BEGIN")
            for key, name, (stamp, digest) in noted:
                connection.execute(
                    "INSERT OR REPLACE INTO taken VALUES (?, ?, ?, ?, ?)", (key, *stamp, digest)
                )
                if digest:
                    content = self._content(name, stamp.size, digest)
                    connection.execute("INSERT OR IGNORE INTO contents VALUES (?, ?)", (content, key))
            connection.execute("COMMIT")
            for key, _, _ in noted:
                self._held.pop(key, None)
        except (sqlite3.Error, OSError) as error:
            self._failed(error)
            if len(self._held) < MOST_HELD:
                self._held |= {key: taken for key, _, taken in noted}

    def count(self) -> int:
        """Files that are remembered."""
        row = self._one("SELECT count(*) FROM taken", ())
        return int(row[0]) if row else 0

    @property
    def too_many(self) -> bool:
        """Whether it is time to `forget_others`."""
        return self.count() > self._most

    def forget_others(self, present: Iterable[str]) -> None:
        """Keep what is in the folder now: the state is as long as the folder is, not as its history."""
        try:
            connection = self._open()
            connection.execute("CREATE TEMP TABLE IF NOT EXISTS present (name INTEGER PRIMARY KEY)")
            connection.execute("BEGIN")
            connection.execute("DELETE FROM present")
            names = ((self._hash(name),) for name in present)
            connection.executemany("INSERT OR IGNORE INTO present VALUES (?)", names)
            for table in ("taken", "contents"):
                connection.execute(f"DELETE FROM {table} WHERE name NOT IN (SELECT name FROM present)")
            connection.execute("DELETE FROM present")
            connection.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            self._failed(error)

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _hash(self, text: str) -> int:
        if not self._salt:
            try:
                self._open()
            except (sqlite3.Error, OSError) as error:
                self._failed(error)
        raw = text.encode("utf-8", "surrogateescape")
        digest = hashlib.blake2b(raw, digest_size=8, key=self._salt).digest()
        return int.from_bytes(digest, "big", signed=True)

    def _content(self, name: str, size: int, digest: bytes) -> int:
        return self._hash(f"{size}|{digest.hex()}|{name}")

    def _one(self, statement: str, values: tuple[int, ...]) -> tuple[int, ...] | None:
        try:
            row: tuple[int, ...] | None = self._open().execute(statement, values).fetchone()
        except (sqlite3.Error, OSError) as error:
            self._failed(error)
            return None
        return row

    def _all(self, statement: str, values: tuple[int, ...]) -> list[Any]:
        try:
            return self._open().execute(statement, values).fetchall()
        except (sqlite3.Error, OSError) as error:
            self._failed(error)
            return []

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._salt = self._salt or os.urandom(16)
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            try:
                os.chmod(self._path, 0o600)
                connection.execute("PRAGMA journal_mode = WAL")
                # A power cut may lose the last notes, and their files are read again to the same spans.
                connection.execute("PRAGMA synchronous = OFF")
                connection.execute("PRAGMA cache_size = -2048")
                connection.executescript(_SCHEMA)
                row = connection.execute("SELECT salt FROM meta").fetchone()
                if row is None:
                    connection.execute("INSERT INTO meta VALUES (?)", (self._salt,))
                else:
                    self._salt = bytes(row[0])
            except sqlite3.DatabaseError:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _failed(self, error: sqlite3.Error | OSError) -> None:
        log.error("which files were taken cannot be noted: %s", type(error).__name__)
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        if type(error) is sqlite3.DatabaseError:  # the file is no database any more: begin another
            with suppress(OSError):
                self._path.unlink()
