"""Gzip, a chunk at a time, never more than a limit: a bomb costs what the limit allows and no more.

Called by the HTTP shell with the chunks of a body as they arrive. No I/O.
"""

from __future__ import annotations

import zlib

from collector.receiver.refusal import bad, too_large

_GZIP = 31  # window bits of zlib for "gzip header and trailer"


class Gunzip:
    """A gzip stream of one or more members (RFC 1952, 2.2). Raises Refusal: bad data, or over the limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._parts: list[bytes] = []
        self._inflater = zlib.decompressobj(_GZIP)
        self._started = False

    def feed(self, data: bytes) -> int:
        """Take a chunk; the number of bytes it inflated to."""
        before = self._size
        while data:
            if self._inflater.eof:
                self._inflater = zlib.decompressobj(_GZIP)
            self._started = True
            try:
                # One byte more than allowed tells "too large" from "exactly the limit".
                part = self._inflater.decompress(data, self._limit - self._size + 1)
            except zlib.error as error:
                raise bad(f"the body is not valid gzip: {error}") from None
            self._size += len(part)
            if self._size > self._limit:
                raise too_large("the decompressed body", self._limit)
            self._parts.append(part)
            data = self._inflater.unused_data if self._inflater.eof else self._inflater.unconsumed_tail
        return self._size - before

    def finish(self) -> bytes:
        """The whole. An empty stream is an empty body."""
        if self._started and not self._inflater.eof:
            raise bad("the body is not valid gzip: it ends in the middle")
        return b"".join(self._parts)
