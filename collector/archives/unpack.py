"""Packed files: what is inside a gzip or zip file, within bounds.

Called by the folder tap and by replay. Told by their first bytes, not by their names. It must never unpack
more than it was told to, nor write anything anywhere.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from typing import Final

_GZIP: Final = b"\x1f\x8b\x08"
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_DEEPEST: Final = 3
_MOST_MEMBERS: Final = 100_000


class PackedError(ValueError):
    """A packed file that cannot be unpacked; the text is one of a few fixed sentences."""


def is_packed(data: bytes) -> bool:
    """Whether these are the first bytes of a gzip or zip file."""
    return data.startswith(_GZIP) or data.startswith(_ZIP)


def unpack(data: bytes, limit: int) -> Iterator[bytes]:
    """Every file inside, in order; `data` itself if it is not packed. Packed files inside are unpacked, too.

    `limit` bytes is the most one packed file may come to. Raises `PackedError`, after what could be unpacked.
    """
    yield from _unpack(data, _Budget(limit), 0)


class _Budget:
    def __init__(self, limit: int) -> None:
        self.left = limit

    def take(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise PackedError("it unpacks to more than max_file_bytes")


def _unpack(data: bytes, budget: _Budget, depth: int) -> Iterator[bytes]:
    if not is_packed(data):
        yield data
    elif depth >= _DEEPEST:
        raise PackedError("it is packed more than three times")
    elif data.startswith(_GZIP):
        yield from _unpack(_gunzip(data, budget), budget, depth + 1)
    else:
        yield from _unzip(data, budget, depth)


def _gunzip(data: bytes, budget: _Budget) -> bytes:
    """All members of a gzip file (RFC 1952 2.2) together."""
    found = io.BytesIO()
    rest = data
    try:
        while rest.startswith(_GZIP):
            member = zlib.decompressobj(wbits=31)
            while not member.eof:
                before = len(rest)
                piece = member.decompress(rest, 1 << 20)
                rest = member.unconsumed_tail if not member.eof else member.unused_data
                budget.take(len(piece))
                found.write(piece)
                if not piece and not member.eof and len(rest) in (0, before):
                    raise PackedError("its gzip data ends too early")
            rest = rest.lstrip(b"\0")
    except zlib.error:
        raise PackedError("its gzip data is damaged") from None
    return found.getvalue()


def _unzip(data: bytes, budget: _Budget, depth: int) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) > _MOST_MEMBERS:
                raise PackedError("its zip archive has too many members")
            for member in members:
                if member.is_dir():
                    continue
                if member.flag_bits & 1:
                    raise PackedError("its zip archive is encrypted")
                with archive.open(member) as file:
                    inside = file.read(min(budget.left, member.file_size) + 1)
                budget.take(len(inside))
                yield from _unpack(inside, budget, depth + 1)
    except PackedError:
        raise
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError):
        raise PackedError("its zip archive is damaged or packed in a way that is not known") from None
