"""Files of HL7 v2 messages, cut into messages with the byte each begins at.

Called by the file observer. Takes what archives and interfaces write: one message or many, batches (FHS, BHS,
BTS, FTS; v2.5.1 2.10.3), MLLP blocks, blank lines between, CR, LF or CRLF after segments, a byte order mark.
It must never look into a message beyond its first three letters, nor raise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_HEAD: Final = re.compile(rb"(?:\A|(?<=[\r\n\x0b\x1c]))[ \t]*(MSH|FHS|BHS|BTS|FTS)(?=[^A-Za-z0-9\s])")
_MARK: Final = b"\xef\xbb\xbf"
_BETWEEN: Final = b" \t\r\n\x0b\x1c\x00\x1a"


@dataclass(frozen=True, slots=True)
class Stored:
    """One message: `payload` with its segments ended by CR, `offset` the byte of its MSH."""

    offset: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes that belong to no message, or a batch that does not hold what it says it holds."""

    offset: int
    why: str
    unread: bool


def stored_messages(data: bytes, skip: int = 0) -> Iterator[Stored | Damage]:
    """Everything in a file from byte `skip` on, in order."""
    position = max(skip, len(_MARK) if data.startswith(_MARK) else 0)
    text = data if position == 0 else data[position:]
    heads = _HEAD.finditer(text)
    head = next(heads, None)
    lead = text[: head.start(1)] if head else text
    if lead.strip(_BETWEEN):
        yield Damage(position + _first(lead), "no MSH segment where a message should begin", True)
    counted = 0
    while head is not None:
        following = next(heads, None)
        start, stop = head.start(1), following.start(1) if following else len(text)
        name, block = head[1], text[start:stop]
        end = block.find(b"\x1c")
        rest = block[end + 1 :] if end >= 0 else b""
        block = block[:end] if end >= 0 else block
        if name == b"MSH":
            counted += 1
            yield Stored(position + start, _lines(block))
        elif name == b"BHS":
            counted = 0
        elif name == b"BTS" and (wrong := _declared(block, counted)) is not None:
            yield Damage(position + start, wrong, False)
        if name != b"MSH":
            _, _, rest = block.replace(b"\n", b"\r").partition(b"\r")
            end = len(block) - len(rest) - 1
        if rest.strip(_BETWEEN):
            at = position + start + end + 1 + _first(rest)
            yield Damage(at, "no MSH segment where a message should begin", True)
        head = following


def _first(text: bytes) -> int:
    return len(text) - len(text.lstrip(_BETWEEN))


def _lines(block: bytes) -> bytes:
    if b"\n" in block:
        block = block.replace(b"\r\n", b"\r").replace(b"\n", b"\r")
    return block.strip(_BETWEEN) + b"\r"


def _declared(trailer: bytes, counted: int) -> str | None:
    """BTS-1, where it is a number, against the messages since BHS."""
    fields = trailer.split(trailer[3:4], 2)
    declared = fields[1].strip() if len(fields) > 1 else b""
    if not declared.isdigit() or len(declared) > 9 or int(declared) == counted:
        return None
    return f"BTS-1 declares {int(declared)} messages, {counted} were read"
