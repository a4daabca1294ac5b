"""MLLP framing (HL7 v2.5.1 appendix C, "Minimal Lower Layer Protocol", releases 1 and 2).

Called by the MLLP tap and by the simulator, which own the sockets. A deframer is a pure state
machine: any way of cutting the same bytes into reads gives the same frames, and the `raw` bytes of
everything it returns, joined, are exactly the bytes it was fed. It must never alter or drop a byte.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal, NamedTuple

START_BLOCK: Final = b"\x0b"
END_BLOCK: Final = b"\x1c"
CARRIAGE_RETURN: Final = b"\r"
COMMIT_ACK: Final = b"\x0b\x06\x1c\r"
"""Transport-level commit acknowledgement of MLLP release 2, as one frame."""
COMMIT_NAK: Final = b"\x0b\x15\x1c\r"
"""Transport-level negative commit acknowledgement of MLLP release 2, as one frame."""

_SB: Final = 0x0B
_EB: Final = 0x1C
_CR: Final = 0x0D

Commit = Literal["ack", "nak"]
JunkReason = Literal["noise", "oversize", "oversize_end", "incomplete"]


class MllpError(ValueError):
    """A payload that MLLP cannot carry."""


def _commit(content: bytes) -> Commit | None:
    if content == b"\x06":
        return "ack"
    return "nak" if content == b"\x15" else None


class Frame(NamedTuple):
    """One complete block.

    `payload` is the content between start and end block; `raw` the exact bytes of the whole block,
    which lack the final carriage return when the sender left it out.
    """

    payload: bytes
    raw: bytes

    @property
    def commit(self) -> Commit | None:
        """`ack` or `nak` when this is a commit acknowledgement of MLLP release 2, not a message."""
        return _commit(self.payload)


class Junk(NamedTuple):
    """Bytes that belong to no usable frame; a proxy still forwards `raw`.

    `reason`: `noise` outside any block; `oversize` a piece of a block longer than the limit and
    `oversize_end` its last piece, so that whoever pairs acknowledgements can count the message;
    `incomplete` a block that was open when the stream ended.
    """

    raw: bytes
    reason: JunkReason = "noise"

    @property
    def commit(self) -> Commit | None:
        """`ack` or `nak` for the peers that send the commit byte without a block around it."""
        return _commit(self.raw)


class _State(Enum):
    OUTSIDE = "outside"
    INSIDE = "inside"
    ENDED = "ended"  # end block seen, its carriage return may still come
    SKIPPING = "skipping"  # inside a block that is longer than the limit
    SKIPPED = "skipped"  # its end block seen


def frame(payload: bytes) -> bytes:
    """Wrap `payload` in one block. Raises MllpError when it contains an end block byte."""
    if END_BLOCK in payload:
        raise MllpError("payload contains the end block byte 0x1C, which MLLP cannot carry")
    return b"\x0b" + payload + b"\x1c\r"


class Deframer:
    """Cuts one direction of one connection into frames.

    `max_payload` is the longest payload in bytes that is held in memory (None: unlimited). Longer
    blocks come out as pieces of Junk as they arrive.

    The first end block byte ends a block, whatever follows it: taking it for content would glue two
    messages together, and every later acknowledgement would be paired with the wrong one. A start
    block byte inside a block is content, as it is for the common engines.
    """

    __slots__ = ("_buffer", "_scanned", "_state", "max_payload")

    def __init__(self, max_payload: int | None = None) -> None:
        self.max_payload = max_payload
        self._buffer = bytearray()
        self._scanned = 0
        self._state = _State.OUTSIDE

    @property
    def pending(self) -> int:
        """Number of bytes held back because their block is not complete."""
        return len(self._buffer)

    @property
    def awaiting_cr(self) -> bool:
        """True when a block is complete but for the carriage return that some senders leave out.

        The caller decides how long to wait before `flush`.
        """
        return self._state is _State.ENDED or self._state is _State.SKIPPED

    def feed(self, data: bytes) -> list[Frame | Junk]:
        """Take the next bytes of the stream, return what they complete, in order."""
        if not self._buffer and self._state is _State.OUTSIDE and data[:1] == b"\x0b":
            # Nearly every read is exactly one block: no buffer, and `raw` is the read itself.
            end = data.find(b"\x1c", 1)
            if (
                end == len(data) - 2
                and data[-1] == _CR
                and end > 0
                and (self.max_payload is None or end - 1 <= self.max_payload)
            ):
                return [Frame(data[1:end], data)]
        self._buffer += data
        return self._advance()

    def flush(self) -> list[Frame | Junk]:
        """Give up waiting for a missing final carriage return; a block still open stays open."""
        out: list[Frame | Junk] = []
        if self.awaiting_cr:
            out.append(self._complete(0, self._scanned, self._scanned))
            self._buffer.clear()
            self._scanned = 0
        return out

    def close(self) -> list[Frame | Junk]:
        """The stream has ended: `flush`, then hand back a block cut short as `incomplete` Junk."""
        out = self.flush()
        if self._buffer:
            out.append(Junk(bytes(self._buffer), "incomplete"))
            self._buffer.clear()
        self._scanned = 0
        self._state = _State.OUTSIDE
        return out

    def _complete(self, start: int, after_end_block: int, stop: int) -> Frame | Junk:
        skipped = self._state is _State.SKIPPED
        self._state = _State.OUTSIDE
        raw = bytes(self._buffer[start:stop])
        if skipped:
            return Junk(raw, "oversize_end")
        return Frame(raw[1 : after_end_block - start - 1], raw)

    def _advance(self) -> list[Frame | Junk]:
        out: list[Frame | Junk] = []
        buffer, state, scan = self._buffer, self._state, self._scanned
        position, length = 0, len(buffer)
        while position < length:
            if state is _State.OUTSIDE:
                start = buffer.find(_SB, position)
                if start != position:
                    stop = length if start < 0 else start
                    out.append(Junk(bytes(buffer[position:stop])))
                    position = stop
                    if start < 0:
                        break
                scan, state = position + 1, _State.INSIDE
            elif state is _State.INSIDE:
                end = buffer.find(_EB, scan)
                held = (length if end < 0 else end) - position - 1
                if self.max_payload is not None and held > self.max_payload:
                    state = _State.SKIPPING
                elif end < 0:
                    scan = length
                    break
                else:
                    scan, state = end + 1, _State.ENDED
            elif state is _State.SKIPPING:
                end = buffer.find(_EB, scan)
                if end < 0:
                    out.append(Junk(bytes(buffer[position:]), "oversize"))
                    position = scan = length
                    break
                scan, state = end + 1, _State.SKIPPED
            else:
                if scan == length:
                    break
                stop = scan + 1 if buffer[scan] == _CR else scan
                self._state = state
                out.append(self._complete(position, scan, stop))
                position, state = stop, _State.OUTSIDE
        del buffer[:position]
        self._state = state
        self._scanned = max(0, scan - position)
        return out
