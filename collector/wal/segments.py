"""One segment of the log on disk: how it is read back, recovered after a crash, and named towards the store.

Called by the log at start and by the writer. A segment's content never changes once it is sealed, so its
token is the same before and after a crash; that is what makes a repeated insert harmless.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from collector.wal.errors import WalDamaged
from collector.wal.files import Files
from collector.wal.records import scan
from collector.wal.refused import RefusedFolder

log = logging.getLogger(__name__)
SUFFIX = ".wal"


@dataclass(frozen=True, slots=True)
class Segment:
    """A sealed segment: `size` bytes of `path` hold its records. `since`: Unix time of the first record.

    `bodies` and `digests` are there when this process wrote the segment and had memory for them: the file is
    then only what a crash would need.
    """

    number: int
    path: Path
    size: int
    records: int
    since: float
    bodies: tuple[bytes, ...] | None = field(default=None, compare=False, repr=False)
    digests: tuple[bytes, ...] | None = field(default=None, compare=False, repr=False)


def path_of(directory: Path, number: int) -> Path:
    return directory / f"{number:016d}{SUFFIX}"


@dataclass(frozen=True, slots=True)
class Record:
    """One accepted body and its SHA-256."""

    body: bytes | memoryview
    digest: bytes


def read(files: Files, segment: Segment) -> list[Record]:
    """The records of a segment, in the order they were accepted. Raises WalDamaged when none can be read."""
    if segment.bodies is not None and segment.digests is not None:
        return list(map(Record, segment.bodies, segment.digests))
    try:
        data = files.read(segment.path, segment.size)
    except OSError as error:
        raise WalDamaged(f"segment {segment.path.name} cannot be read: {error.strerror or error}") from error
    bodies = scan(data).bodies
    if not bodies:
        raise WalDamaged(f"segment {segment.path.name} holds no sound record in {len(data)} bytes")
    return [Record(body, hashlib.sha256(body).digest()) for body in bodies]


def token(records: Iterable[Record]) -> str:
    """The content hash the store deduplicates by: SHA-256 over the hashes of the bodies, 64 hex digits.

    The bodies were hashed when they came in; hashing them again would cost as much as decoding does.
    """
    return hashlib.sha256(b"".join([record.digest for record in records])).hexdigest()


def recover(directory: Path, files: Files, refused: RefusedFolder) -> list[Segment]:
    """The segments a former process left, oldest first, each without its torn tail.

    Damaged bytes that have sound records behind them were once acknowledged: they are copied to the set-aside
    folder and reported, and the records around them are kept.
    """
    found: list[Segment] = []
    for path in sorted(directory.glob("*" + SUFFIX)):
        if not path.stem.isdigit():
            continue
        try:
            data = files.read(path)
        except OSError as error:
            refused.move(path, f"segment {path.name} cannot be read: {error.strerror or error}")
            continue
        result = scan(data)
        for offset, length in result.gaps:
            refused.damaged(path.stem, offset, data[offset : offset + length])
        if result.end < len(data):
            log.warning(
                "segment %s: dropped a torn tail of %d bytes, which was never acknowledged",
                path.name,
                len(data) - result.end,
            )
            with open(path, "r+b") as file:
                files.truncate(file.fileno(), result.end)
                files.sync(file.fileno())
        if not result.bodies:
            files.unlink(path)
            continue
        since = path.stat().st_mtime
        found.append(Segment(int(path.stem), path, result.end, len(result.bodies), since))
    return found
