"""Takes one complete file: reads it, unpacks it, has what is new in it observed, and remembers it.

Called by the folder tap, in its thread. It must never lock, move or change a file, nor put its name anywhere.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from collector.archives.unpack import PackedError, is_packed, unpack
from collector.taps.config import FolderInterface
from collector.taps.files_state import Stamp, TakenFiles
from collector.taps.observe_files import FileObserver

log = logging.getLogger("caretrail.tap")

RECENT = 32
"""Files a rotated copy is compared with."""
_MOST_LOGGED = 10
_NOT_READ = b""


@dataclass
class FolderCounters:
    """What passed through one folder since the process started."""

    files: int = 0
    spans: int = 0
    troubles: int = 0
    """Places in files that were not as they should be, whether or not they could be read."""
    unreadable: int = 0
    """Times a file could not be opened or read; it is tried again."""
    failed_looks: int = 0
    """Times the folder could not be looked through."""


class Taker:
    """Reads the files of one folder. `flush` hands over what the observer has recorded."""

    def __init__(
        self,
        interface: FolderInterface,
        observer: FileObserver,
        taken: TakenFiles,
        counted: FolderCounters,
        flush: Callable[[], None],
    ) -> None:
        self._interface = interface
        self._observer = observer
        self._taken = taken
        self._counted = counted
        self._flush = flush
        self._folder = Path(interface.path)

    def take(self, name: str, stamp: Stamp) -> bool | None:
        """Record one complete file: True; False if it was known; None if it must be tried again."""
        if stamp.size > self._interface.max_file_bytes:
            self._observer.refuse("too_large", stamp.size, max(stamp.mtime_ns, 0))
            log.warning("interface %s: a file of %d bytes is too large", self._interface.name, stamp.size)
            return self._done(name, stamp, _NOT_READ, True)
        data = self._read(name, stamp)
        if data is None:
            return None
        digest = hashlib.sha256(data).digest()[:16]
        if not data or self._taken.was_taken(name, stamp.size, digest):
            return self._done(name, stamp, digest, False)
        skip = self._read_before(name, stamp, data, digest)
        if skip == len(data):
            return self._done(name, stamp, digest, False)
        self._counted.files += 1
        try:
            if is_packed(data):
                for inside in unpack(data, self._interface.max_file_bytes):
                    self._observe(inside, stamp, 0)
            else:
                self._observe(data, stamp, skip)
        except PackedError as error:
            self._observer.refuse("packed", stamp.size, max(stamp.mtime_ns, 0))
            log.warning("interface %s: a packed file of %d bytes: %s", self._interface.name, len(data), error)
        return self._done(name, stamp, digest, True)

    def _observe(self, data: bytes, stamp: Stamp, skip: int) -> None:
        self._counted.spans += self._observer.observe(data, max(stamp.mtime_ns, 0), skip=skip)
        troubles = self._observer.troubles
        self._counted.troubles += len(troubles)
        for trouble in troubles[:_MOST_LOGGED]:
            log.warning(
                "interface %s: a file of %d bytes from %s: %s (%s)",
                self._interface.name,
                len(data),
                datetime.fromtimestamp(stamp.mtime_ns // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                trouble.what,
                trouble.where,
            )
        if len(troubles) > _MOST_LOGGED:
            left = len(troubles) - _MOST_LOGGED
            log.warning("interface %s: and %d more in this file", self._interface.name, left)

    def _read(self, name: str, stamp: Stamp) -> bytes | None:
        """The whole file; None if it cannot be read, or is not any more what the stamp says."""
        try:
            # Not blocking, should a named pipe have taken the file's place.
            descriptor = os.open(self._folder / name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            with os.fdopen(descriptor, "rb") as file:
                data = file.read(stamp.size + 1)
                status = os.fstat(descriptor)
        except OSError as error:
            self._counted.unreadable += 1
            log.warning("interface %s: a file cannot be read: %s", self._interface.name, error.strerror)
            return None
        if len(data) != stamp.size or status.st_mtime_ns != stamp.mtime_ns:
            return None
        return data

    def _read_before(self, name: str, stamp: Stamp, data: bytes, digest: bytes) -> int:
        """Bytes at its beginning that were taken earlier: a file that grew, was renamed, or was rotated."""
        recent = RECENT if self._interface.rotated else 0
        sizes: dict[int, set[bytes]] = {}
        for known in self._taken.before(name, stamp.inode, recent):
            size = known.stamp.size
            same_file = known.stamp.inode == stamp.inode
            if size == len(data) and digest == known.digest and not recent:
                # Whole and unchanged by another name: renamed if nothing else changed, otherwise a copy.
                if same_file and known.stamp.mtime_ns == stamp.mtime_ns:
                    return size
            elif 0 < size <= len(data):
                sizes.setdefault(size, set()).add(known.digest)
        hashed = hashlib.sha256()
        position = found = 0
        for size in sorted(sizes):
            hashed.update(memoryview(data)[position:size])
            position = size
            if hashed.digest()[:16] in sizes[size]:
                found = size
        return found

    def _done(self, name: str, stamp: Stamp, digest: bytes, new: bool) -> bool:
        # After the spans are in the spool: a crash in between takes the file again, to the same spans.
        self._flush()
        self._taken.note([(name, stamp, digest)])
        return new
