"""The files somebody names on a command line: files, folders, patterns, standard input.

Called by `caretrail replay`. Large files of messages are read a piece at a time, cut between messages.
"""

from __future__ import annotations

import glob
import io
import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from collector.archives.unpack import is_packed, unpack

PIECE: Final = 32 << 20
_HL7_HEAD: Final = re.compile(rb"[\r\n\x0b]MSH[^A-Za-z0-9\s]")
_KINDS: Final = ((b"ISA", "x12"), (b"MSH", "hl7"), (b"FHS", "hl7"), (b"BHS", "hl7"), (b"{", "fhir"))


class SourceError(Exception):
    """A file that is not there or cannot be read; the text names it."""


@dataclass(frozen=True, slots=True)
class Source:
    """One archive file; `path` is None for standard input, `mtime_ns` the time its messages fall back to."""

    name: str
    path: Path | None
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Piece:
    """Some whole messages of a file: the bytes and lines before it, and of unpacked files the how manieth."""

    data: bytes
    offset: int
    line: int
    member: int


def find(words: Sequence[str]) -> list[Source]:
    """Everything the words name, each once, a folder's files by name. Raises `SourceError`."""
    found: dict[str, Source] = {}
    for word in words:
        if word == "-":
            found["-"] = Source("standard input", None, 0, time.time_ns())
            continue
        paths = [Path(word)] if os.path.exists(word) else [Path(one) for one in sorted(glob.glob(word))]
        if not paths:
            raise SourceError(f"{word}: no such file, folder or pattern")
        for path in paths:
            inside = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
            for one in inside:
                if not one.name.startswith(".") or one == path:
                    status = one.stat()
                    found[str(one.resolve())] = Source(
                        str(one), one.absolute(), status.st_size, status.st_mtime_ns
                    )
    return list(found.values())


def kind_of(data: bytes) -> str:
    """`x12`, `hl7` or `fhir` by the first bytes; "" where they do not say."""
    start = data[:64].removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n\x0b")
    return next((kind for mark, kind in _KINDS if start.startswith(mark)), "")


def pieces(file: BinaryIO, kind: str, limit: int, size: int = PIECE) -> Iterator[Piece]:
    """A file's content in pieces of whole messages (HL7, JSON lines), or whole (X12, flat, packed).

    `kind` "" is found out by the first bytes. Raises `PackedError`, and `SourceError` beyond `limit` bytes
    of a file that cannot be cut.
    """
    head = file.read(size)
    if is_packed(head):
        for member, inside in enumerate(unpack(_all(file, head, limit), limit), 1):
            for piece in pieces(io.BytesIO(inside), kind, limit, size):
                yield Piece(piece.data, piece.offset, piece.line, member)
        return
    kind = kind or kind_of(head)
    if kind not in ("hl7", "fhir", "ndjson"):
        yield Piece(_all(file, head, limit), 0, 0, 0)
        return
    offset = line = 0
    while head:
        cut = _cut(head, kind) if len(head) >= size else len(head)
        if not cut:
            more = file.read(len(head))
            if not more or len(head) > limit:
                cut = len(head)
            else:
                head += more
                continue
        yield Piece(head[:cut], offset, line, 0)
        offset, line = offset + cut, line + head.count(b"\n", 0, cut)
        head = head[cut:] + file.read(size)


def _cut(data: bytes, kind: str) -> int:
    """Where the last message of `data` begins; 0 if nowhere."""
    if kind != "hl7":
        return data.rfind(b"\n") + 1
    back = 1 << 16
    while True:
        tail = max(len(data) - back, 0)
        places = [match.start() + 1 for match in _HL7_HEAD.finditer(data, tail)]
        if places or not tail:
            return places[-1] if places else 0
        back *= 4


def _all(file: BinaryIO, head: bytes, limit: int) -> bytes:
    rest = file.read(max(limit - len(head), 0) + 1)
    if len(head) + len(rest) > limit:
        raise SourceError(f"it is larger than {limit >> 20} MiB, which is the most that is read at once")
    return head + rest if rest else head
