"""Adds one header to the heads of HTTP/1.1 requests in a byte stream, and changes nothing else.

Called by the HTTP tap where an interface says `context: start`. Bytes in, bytes out (RFC 9112): a head is
held until it is complete; bodies, chunk boundaries and trailers pass as they come. Where the stream is not
understood it passes unchanged from there on: to guess where a request begins would corrupt it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

MAX_HEAD = 64 << 10
MAX_LINE = 8 << 10
_REQUEST_LINE = re.compile(rb"([A-Z][A-Z-]{0,31}) [^\s]+ HTTP/1\.[01]")
_METHOD = re.compile(rb"[A-Z][A-Z-]{0,31}( .*)?", re.DOTALL)
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(;.*)?\r?", re.DOTALL)
_HEAD, _BODY, _CHUNK_LINE, _TRAILER, _VERDICT, _OFF = range(6)


class HeaderStarter:
    """One connection's requests. `start` is called for each head and gives the value to add.

    `start(has_one)` is told whether the request has the header already; what it returns then is not used.
    """

    def __init__(self, name: bytes, start: Callable[[bool], bytes]) -> None:
        self._name = name.lower()
        self._label = name
        self._start = start
        self._state = _HEAD
        self._held = bytearray()
        self._searched = 0
        self._left = 0
        self._line = bytearray()
        self._next = _HEAD  # after the bytes left of a body or chunk
        self._after = _HEAD  # after the whole message

    @property
    def off(self) -> bool:
        """Whether nothing will be added any more."""
        return self._state == _OFF

    def feed(self, data: bytes) -> bytes:
        """What goes on now that `data` has come. Never raises, never loses a byte."""
        if self._state == _OFF:
            return data
        out: list[bytes] = []
        position = 0
        while position < len(data):
            if self._state == _HEAD:
                self._held += data[position:]
                position = self._head(out, data)
            elif self._state == _BODY:
                taken = min(self._left, len(data) - position)
                out.append(data[position : position + taken])
                position += taken
                self._left -= taken
                if not self._left:
                    self._state = self._next
            elif self._state in (_CHUNK_LINE, _TRAILER):
                position = self._take_line(out, data, position)
            else:  # an offer to change the protocol is not answered yet, or nothing is understood any more
                self._state = _OFF
                out.append(data[position:])
                position = len(data)
        return b"".join(out)

    def release(self) -> bytes:
        """What is held of an unfinished head, as it came; nothing is added from here on."""
        held, self._held = bytes(self._held), bytearray()
        self._state = _OFF
        return held

    def answered(self, switched: bool) -> None:
        """The offer to change the protocol has been answered."""
        if self._state == _VERDICT:
            self._state = _OFF if switched else _HEAD

    def _head(self, out: list[bytes], data: bytes) -> int:
        """Deal with what is held; the position in `data` behind the head."""
        held = self._held
        end = held.find(b"\r\n\r\n", max(0, self._searched - 3))
        if end < 0:
            self._searched = len(held)
            if len(held) > MAX_HEAD or not _METHOD.match(held.lstrip(b"\r\n")[:64] or b"A"):
                out.append(self.release())
            return len(data)
        self._searched = 0
        rest = len(held) - end - 4
        head = bytes(held[: end + 4])
        held.clear()
        out.append(self._changed(head))
        return len(data) - rest

    def _changed(self, head: bytes) -> bytes:
        start, _, lines = head.lstrip(b"\r\n").partition(b"\r\n")
        match = _REQUEST_LINE.fullmatch(start)
        fields = _fields(lines) if match is not None else None
        if match is None or fields is None or not self._frame(match[1], fields):
            self._state = _OFF
            return head
        if self._name in fields:
            self._start(True)
            return head
        value = self._start(False)
        return b"%b%b: %b\r\n\r\n" % (head[:-2], self._label, value)

    def _frame(self, method: bytes, fields: dict[bytes, list[bytes]]) -> bool:
        """How the body ends; False where that is not certain."""
        codings = fields.get(b"transfer-encoding", [])
        sizes = set(fields.get(b"content-length", []))
        # An offer or a tunnel: whether it is taken, the server says.
        self._after = _VERDICT if b"upgrade" in fields or method == b"CONNECT" else _HEAD
        if codings:
            if sizes or len(codings) > 1 or codings[0].lower() != b"chunked":
                return False
            self._state = _CHUNK_LINE
            return True
        if len(sizes) > 1 or not all(size.isdigit() and len(size) < 19 for size in sizes):
            return False
        self._left = int(sizes.pop()) if sizes else 0
        self._state, self._next = _BODY if self._left else self._after, self._after
        return True

    def _take_line(self, out: list[bytes], data: bytes, position: int) -> int:
        end = data.find(b"\n", position)
        stop = len(data) if end < 0 else end + 1
        out.append(data[position:stop])
        self._line += data[position:stop]
        if len(self._line) > MAX_LINE:
            self._state = _OFF
        elif end >= 0:
            line = bytes(self._line[:-1])
            self._line.clear()
            if self._state == _TRAILER:
                if line in (b"", b"\r"):
                    self._state = self._after
            else:
                self._chunk(line)
        return stop

    def _chunk(self, line: bytes) -> None:
        match = _SIZE.fullmatch(line)
        if match is None:
            self._state = _OFF
            return
        size = int(match[1], 16)
        if not size:
            self._state = _TRAILER
            return
        self._left = size + 2  # with the line break behind the chunk
        self._state, self._next = _BODY, _CHUNK_LINE


def _fields(lines: bytes) -> dict[bytes, list[bytes]] | None:
    """Values by lower-case name; None where a line is no header."""
    found: dict[bytes, list[bytes]] = {}
    for line in lines[:-2].split(b"\r\n")[:-1]:
        name, colon, value = line.partition(b":")
        if line[:1] in (b" ", b"\t") and found:
            continue  # a folded line
        if not colon or not name or b"\n" in line or name != name.strip():
            return None
        found.setdefault(name.lower(), []).append(value.strip())
    return found
