"""Files and batches of HL7 v2 messages (FHS, BHS, MSH…, BTS, FTS; HL7 v2.5.1 2.10.3).

Called by `hl7v2`, by the MLLP tap, by folder taps and by replay. Only cuts; what a message holds is for
`hl7v2`. It must never raise, whatever the envelope looks like.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

BOM: Final = b"\xef\xbb\xbf"
ENVELOPE: Final = (b"FHS", b"BHS")
_TRAILERS: Final = (b"BTS", b"FTS")
_LEAD: Final = b"\r\n\t \x00\x0b"
_MAX_ID: Final = 199
_MAX_PARTS: Final = 1000


@dataclass
class Part:
    """One batch of a file. `declared` is BTS-1, None where it is absent or no number."""

    messages: int = 0
    declared: int | None = None


@dataclass
class Batch:
    """What an envelope holds: its messages in order, segments ended by CR, and what it says of itself.

    `control_id` is BHS-11, else FHS-11; `refers_to` BHS-12, else FHS-12: the batch that this one answers.
    """

    name: str
    messages: list[bytes] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    control_id: str = ""
    refers_to: str = ""
    declared_batches: int | None = None

    @property
    def wrong_count(self) -> int | None:
        """The first number a trailer gives that is not what there is, None where all are right.

        A batch's own count comes before the file's, which counts batches.
        """
        for part in self.parts:
            if part.declared is not None and part.declared != part.messages:
                return part.declared
        if self.declared_batches is not None and self.declared_batches != len(self.parts):
            return self.declared_batches
        return None


def is_batch(payload: bytes) -> bool:
    """Whether a payload begins with an envelope."""
    start = payload[:3] if payload[:1] in (b"F", b"B") else payload[:64].lstrip(_LEAD).removeprefix(BOM)
    return start.lstrip(_LEAD)[:3] in ENVELOPE


def open_batch(payload: bytes) -> Batch | None:
    """The envelope and its messages; None for a payload that begins with no envelope."""
    if not is_batch(payload):
        return None
    lines = _lines(payload.lstrip(_LEAD))
    batch = Batch(lines[0][:3].decode("ascii"))
    current: list[bytes] | None = None
    found: list[list[bytes]] = []
    part: Part | None = None
    for line in lines:
        name = _name(line)
        if name == b"MSH":
            current = [line]
            found.append(current)
            if part is None:  # messages of a file without a batch header
                part = Part()
                batch.parts.append(part)
            part.messages += 1
        elif name in ENVELOPE:
            current = None
            if len(batch.parts) > _MAX_PARTS:
                continue  # no file has so many batches: it is no file
            fields = line.split(line[3:4] or b"|", 13)
            batch.control_id = _text(fields, 10) or batch.control_id
            batch.refers_to = _text(fields, 11) or batch.refers_to
            if name == b"BHS":
                part = Part()
                batch.parts.append(part)
        elif name in _TRAILERS:
            current = None
            declared = _number(_text(line.split(line[3:4] or b"|", 2), 1))
            if name == b"FTS":
                batch.declared_batches = declared
            elif part is not None:
                part.declared = declared
                part = None
        elif current is not None and line:
            current.append(line)
    batch.messages = [b"\r".join(one) + b"\r" for one in found]
    return batch


def split_batch(payload: bytes) -> list[bytes]:
    """The messages of a file or batch, in order.

    Also splits files that simply concatenate messages. Segments come back ended by CR.
    """
    messages: list[list[bytes]] = []
    inside = False
    for line in _lines(payload):
        name = _name(line)
        if name == b"MSH":
            messages.append([line])
            inside = True
        elif name in ENVELOPE or name in _TRAILERS:
            inside = False
        elif inside and line:
            messages[-1].append(line)
    return [b"\r".join(lines) + b"\r" for lines in messages]


def _lines(payload: bytes) -> list[bytes]:
    return payload.removeprefix(BOM).replace(b"\r\n", b"\r").replace(b"\n", b"\r").split(b"\r")


def _name(line: bytes) -> bytes:
    return line[:3] if not line[3:4].isalnum() else b""


def _text(fields: list[bytes], index: int) -> str:
    value = fields[index].partition(b"^")[0].strip() if index < len(fields) else b""
    if not value or value == b'""' or len(value) > _MAX_ID:
        return ""
    return value.decode("ascii", "replace")


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None
