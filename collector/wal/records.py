"""How records lie in a segment file: bytes in, positions out. No file, no clock.

A record is `magic (4) | length (u32 LE) | crc32 (u32 LE, of the length field and the body) | body`. The magic
lets a reader find the next record behind damaged bytes; it must never be trusted without the checksum.
Used by the log (to write), by recovery and by the writer (to read).
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field

MAGIC = b"\xc7TR\x01"
HEADER = struct.Struct("<4sII")
LENGTH = struct.Struct("<I")


def header(body: bytes | memoryview) -> bytes:
    """The bytes that precede `body` in a segment."""
    length = len(body)
    checksum = zlib.crc32(body, zlib.crc32(LENGTH.pack(length)))
    return HEADER.pack(MAGIC, length, checksum)


@dataclass(slots=True)
class Scan:
    """What a segment's bytes hold.

    `bodies`: views of the sound records, in order. `gaps`: (offset, length) of damaged bytes that have sound
    records behind them, so they were once acknowledged. `end`: offset behind the last sound record; what
    follows it is a torn tail, which no client was ever told about.
    """

    bodies: list[memoryview] = field(default_factory=list)
    gaps: list[tuple[int, int]] = field(default_factory=list)
    end: int = 0


def _body_at(data: memoryview, offset: int) -> memoryview | None:
    start = offset + HEADER.size
    if start > len(data):
        return None
    magic, length, checksum = HEADER.unpack_from(data, offset)
    if magic != MAGIC or start + length > len(data):
        return None
    body = data[start : start + length]
    if zlib.crc32(body, zlib.crc32(LENGTH.pack(length))) != checksum:
        return None
    return body


def scan(data: bytes) -> Scan:
    """Every sound record of a segment, whatever happened to the rest of its bytes. Never raises."""
    view = memoryview(data)
    found = Scan()
    offset = 0
    while True:
        body = _body_at(view, offset)
        if body is None:
            # Damaged or the end: is there a sound record further on?
            search = offset + 1
            while (search := data.find(MAGIC, search)) >= 0:
                if _body_at(view, search) is not None:
                    break
                search += 1
            if search < 0:
                return found
            found.gaps.append((offset, search - offset))
            offset = search
            continue
        found.bodies.append(body)
        offset += HEADER.size + len(body)
        found.end = offset
