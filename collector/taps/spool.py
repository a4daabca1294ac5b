"""Spans on disk, from the moment they are known until a collector has confirmed them: the writing side.

Called by the taps for every message; `spool_reader` is the other side, in the sender's thread,
and shares nothing with it but `committed`, `confirmed`, `first` and `release`. Written with `os.write` into
the page cache, so that a killed process loses nothing. It must never block on anything but that write, nor
raise into the message path.

Layout: `<number>.spool` segments of records, `cursor` (what is confirmed), `lock` (one process per folder).
A record is a header (payload length, CRC-32, kind, scope number, spans) and a payload; a segment begins with
the resource, names each scope before its first use, and can therefore be read without any other file.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import re
import struct
import threading
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

log = logging.getLogger("caretrail.tap.spool")

HEADER = struct.Struct("<IIHHI")
RESOURCE, SCOPE, SPANS = 1, 2, 3
SEGMENT_BYTES = 8 << 20
CAP_BYTES = 1 << 30
MAX_AGE_SECONDS = 7 * 86400.0
MAX_RECORD = 64 << 20
_NEW = tuple.__new__  # a named tuple without the Python function behind its constructor
_NAME = re.compile(r"(\d{10})\.spool")


class SpoolError(Exception):
    """The spool folder cannot be used; the text names it and the remedy."""


class Position(NamedTuple):
    """A byte in the spool: everything before it."""

    segment: int
    offset: int


@dataclass
class SpoolCounters:
    """What happened to spans since the process started."""

    appended: int = 0
    dropped_old: int = 0
    """Waited longest when the bound of size or age was reached."""
    dropped_full: int = 0
    """Came when the bound was reached and nothing older could go."""
    dropped_error: int = 0


def checksum(payload: bytes, kind: int, scope: int, count: int) -> int:
    """CRC-32 of a record; the header's own fields are its start value, so that damage to them shows too."""
    return zlib.crc32(payload, (kind << 16 | scope) ^ count * 2654435761 & 0xFFFFFFFF)


def segment_path(folder: Path, number: int) -> Path:
    """The file of one segment."""
    return folder / f"{number:010d}.spool"


def segments(folder: Path) -> list[int]:
    """Numbers of the segments in a folder, oldest first."""
    return sorted(int(m[1]) for name in os.listdir(folder) if (m := _NAME.fullmatch(name)))


class Spool:
    """The spool of one tap process.

    `cap_bytes` and `max_age_seconds` bound what waits on disk: beyond them the oldest spans are dropped and
    counted, a segment at a time. Messages pass whatever happens here.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        resource: bytes,
        *,
        cap_bytes: int = CAP_BYTES,
        segment_bytes: int = SEGMENT_BYTES,
        max_age_seconds: float = MAX_AGE_SECONDS,
    ) -> None:
        """Open `folder`, creating it. Raises `SpoolError` if it is in use or cannot be written."""
        self.folder = Path(folder)
        self.counters = SpoolCounters()
        self._resource = resource
        self._cap = cap_bytes
        # Small enough that dropping one is not dropping all.
        self._segment_bytes = min(segment_bytes, max(cap_bytes // 8, 4096))
        self._max_age = max_age_seconds
        self._lock = self._take_lock()
        existing = segments(self.folder)
        self._sizes = {number: segment_path(self.folder, number).stat().st_size for number in existing}
        self._kept = sum(self._sizes.values())
        # Never append to a segment of an earlier process: its tail may be torn.
        # Nor use a number twice, or the cursor of an emptied spool would hide a new segment.
        self._number = max([*existing, load_cursor(self.folder).segment])
        self._descriptor = -1
        self._offset = 0
        self._scopes: dict[bytes, int] = {}
        self._trouble = ""
        # Folders are read in threads of their own; otherwise the lock is free and costs next to nothing.
        self._writing = threading.Lock()
        self.confirmed = load_cursor(self.folder)
        """What has arrived; the reading side says so."""
        self.first = min(existing, default=self._number + 1)
        """The oldest segment that may still be read; what was dropped lies before it."""
        self.committed = Position(self._number + 1, 0)
        """End of what is written. Replaced as a whole, so another thread always sees a record boundary."""

    @property
    def waiting_bytes(self) -> int:
        """Bytes on disk, including those confirmed in segments that are not finished."""
        return self._kept

    @property
    def is_full(self) -> bool:
        """Whether less than a segment is left below the cap."""
        return self.waiting_bytes + self._segment_bytes > self._cap

    def append(self, scope: bytes, encoded: bytes, count: int = 1) -> bool:
        """Write `count` spans of one scope; False if they were dropped. Never raises."""
        with self._writing:
            return self._append(scope, encoded, count)

    def release(self, number: int) -> None:
        """Delete a segment of which everything has arrived. Raises OSError."""
        with self._writing:
            self._delete(number)

    def expire(self, now: float) -> None:
        """Drop segments last written more than the age bound before `now`, epoch seconds. Never raises."""
        with self._writing:
            while self._sizes:
                number: int = min(self._sizes)
                try:
                    written = segment_path(self.folder, number).stat().st_mtime
                except OSError:
                    written = 0.0
                if number == self._number or now - written <= self._max_age or not self._drop(number, "old"):
                    return

    def _append(self, scope: bytes, encoded: bytes, count: int) -> bool:
        size = HEADER.size + len(encoded)
        if size > MAX_RECORD or (self._kept + size > self._cap and not self._make_room(size)):
            self.counters.dropped_full += count
            self._announce("stuck", "the spool has no room: new spans are dropped")
            return False
        try:
            if self._offset >= self._segment_bytes or self._offset == 0:
                self._begin_segment()
            number = self._scopes.get(scope)
            if number is None:
                number = len(self._scopes) + 1
                self._write(SCOPE, number, 0, scope)
                self._scopes[scope] = number
            self._write(SPANS, number, count, encoded)
        except OSError as error:
            self.counters.dropped_error += count
            self._announce("error", f"the spool cannot be written ({error.strerror}): spans are dropped")
            return False
        self.counters.appended += count
        if self._trouble and self._kept + self._segment_bytes < self._cap:
            self._trouble = ""
            log.warning("the spool takes spans again")
        return True

    def _make_room(self, size: int) -> bool:
        if size > min(self._cap, MAX_RECORD):
            return False
        while self._kept + size > self._cap:
            oldest = min(self._sizes, default=self._number)
            if oldest == self._number or not self._drop(oldest, "full"):
                return False
        return True

    def _drop(self, number: int, why: str) -> bool:
        """Give up a segment that nobody has taken; False if it cannot be deleted."""
        confirmed = self.confirmed
        begin = confirmed.offset if confirmed.segment == number else 0
        lost = 0 if confirmed.segment > number else spans_in(segment_path(self.folder, number), begin)
        try:
            self._delete(number)
        except OSError as error:
            log.error("a spool segment cannot be deleted: %s", error.strerror)
            return False
        self.first = number + 1
        self.counters.dropped_old += lost
        if lost:
            self._announce(
                why, f"the spool is {why}: its oldest spans are dropped until the collector takes some"
            )
        return True

    def _delete(self, number: int) -> None:
        size = self._sizes.pop(number, 0)
        self._kept -= size
        with suppress(FileNotFoundError):
            segment_path(self.folder, number).unlink()

    def close(self) -> None:
        """Release the folder. What is unconfirmed stays for the next start."""
        for descriptor in (self._descriptor, self._lock):
            if descriptor >= 0:
                os.close(descriptor)
        self._descriptor = self._lock = -1

    def _write(self, kind: int, scope: int, count: int, payload: bytes) -> None:
        size = len(payload)
        record = HEADER.pack(size, checksum(payload, kind, scope, count), kind, scope, count) + payload
        written = os.write(self._descriptor, record)
        if written != len(record):
            # A full disk takes a part: give it back, so that the next record starts where a reader looks.
            os.ftruncate(self._descriptor, self._offset)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._offset += written
        self._sizes[self._number] = self._offset
        self._kept += written
        self.committed = _NEW(Position, (self._number, self._offset))

    def _begin_segment(self) -> None:
        if self._descriptor < 0 or self._offset:
            path = segment_path(self.folder, self._number + 1)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
            descriptor = os.open(path, flags, 0o600)
            if self._descriptor >= 0:
                os.close(self._descriptor)
            self._descriptor, self._number, self._offset = descriptor, self._number + 1, 0
            self._scopes = {}
        self._write(RESOURCE, 0, 0, self._resource)

    def _announce(self, trouble: str, text: str) -> None:
        if self._trouble != trouble:  # once per trouble, not once per message
            self._trouble = trouble
            log.error("%s", text)

    def _take_lock(self) -> int:
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise SpoolError(f"{self.folder}: cannot use this spool folder: {error.strerror}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            raise SpoolError(
                f"{self.folder}: in use by another tap process; give each its own folder"
            ) from None
        return lock


def spans_in(path: Path, begin: int) -> int:
    """How many spans a segment holds from a record boundary on; as far as it can be read."""
    count = 0
    try:
        with open(path, "rb", buffering=64 << 10) as file:
            file.seek(begin)
            while len(head := file.read(HEADER.size)) == HEADER.size:
                size, _, kind, _, spans = HEADER.unpack(head)
                count += spans if kind == SPANS else 0
                file.seek(size, os.SEEK_CUR)
    except OSError:
        pass
    return count


def load_cursor(folder: Path) -> Position:
    """What is confirmed; the very beginning if that is not known, since sending again is harmless."""
    try:
        segment, offset = (folder / "cursor").read_text(encoding="ascii").split()
        return Position(int(segment), int(offset))
    except (OSError, ValueError):
        return Position(0, 0)
