"""The shape of an HL7 v2 message: which segments and fields it uses, without a value of any.

Called by the MLLP tap, which records the fingerprint, so that later work can see that a sender began to send
what it never sent. Equal shapes have equal fingerprints in every process and release of this version. A shape
must never contain a value, except short codes of fields that the configuration chose, and MSH-12.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from tracing.protocols.hl7v2 import Message, NotHL7, Path, compile_path, parse

MAX_SHAPE: Final = 1024
MAX_CODES: Final = 32
MAX_READ: Final = 1 << 18
"""A shape is that of the whole segments in so many bytes; what makes a message long is one field."""
MAX_FIELDS: Final = 300
_KNOWN: Final = 512
_MAX_KEY: Final = 4096
_NAMED = re.compile(rb"[A-Z][A-Z0-9]{2}")
_FIRST_FIELDS = re.compile(rb"\r([^|\r]+)\|").findall
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,20}")
_NUMBER = re.compile(r"[0-9](\.[0-9]){0,3}")
_VERSION = compile_path("MSH-12")
# Of a byte: 1 for the field separator, 4 for the end of a segment, 0 for content.
_MARKS = bytes(1 if byte == 0x7C else 4 if byte == 0x0D else 0 for byte in range(256))


class Structure(NamedTuple):
    """`fingerprint` is 16 hexadecimal digits; `shape` what it stands for, cut at `MAX_SHAPE` characters."""

    fingerprint: str
    shape: str


def structure(payload: bytes, codes: Iterable[Path] = ()) -> Structure:
    """The structure of a message. Raises NotHL7.

    Segments stand in the order of their first appearance, each with the numbers of the fields that any of its
    occurrences fills. How often something repeats is no part of the shape, nor are lines that are no segment.
    """
    if len(payload) > MAX_READ:
        payload = payload[: payload.rfind(b"\r", 0, MAX_READ) + 1]
    message = parse(payload)
    used: dict[bytes, set[int]] = {}
    separator = message.encoding.field
    for line in message.data.split(b"\r"):
        name, found, rest = line.partition(separator)
        if not found or not _NAMED.fullmatch(name):
            continue  # no segment: perhaps a part of somebody's text
        filled = used.setdefault(name, set())
        if name == b"MSH":
            filled.add(1)  # the separator itself
            filled.update(
                number for number, value in enumerate(rest.split(separator, MAX_FIELDS), 2) if value
            )
        else:
            filled.update(
                number for number, value in enumerate(rest.split(separator, MAX_FIELDS), 1) if value
            )
    return _described(message, used, codes)


def _described(message: Message, used: dict[bytes, set[int]], codes: Iterable[Path]) -> Structure:
    parts = [f"{name.decode('ascii')}:{_ranges(sorted(filled))}" for name, filled in used.items()]
    for path in (_VERSION, *codes):
        # Nobody chose MSH-12, so what is no version must not come out: fields may have slipped.
        form = _NUMBER if path is _VERSION else _CODE
        found = sorted({value for value in message.all(path) if form.fullmatch(value)})[:MAX_CODES]
        if found:
            parts.append(f"{path.text}={','.join(found)}")
    shape = " ".join(parts)
    return Structure(hashlib.sha256(b"v1|" + shape.encode()).hexdigest()[:16], shape[:MAX_SHAPE])


def _ranges(numbers: list[int]) -> str:
    """[1, 2, 3, 7] -> "1-3,7"."""
    out: list[str] = []
    start = last = 0
    for number in [*numbers, 0]:
        if start and number == last + 1:
            last = number
            continue
        if start:
            out.append(str(start) if start == last else f"{start}-{last}")
        start = last = number
    return ",".join(out)


class Structures:
    """`structure` of one interface's messages, each shape worked out once while it is in use."""

    def __init__(self, codes: tuple[str, ...] = ()) -> None:
        self._codes = tuple(compile_path(text) for text in codes)
        self._known: dict[tuple[bytes, ...], Structure | None] = {}

    def of(self, payload: bytes) -> Structure | None:
        """The structure; None for what is no message."""
        if (
            self._codes
            or payload[:4] != b"MSH|"
            or payload[-1:] != b"\r"
            or len(payload) > MAX_READ
            or b"\n" in payload
        ):
            return self._slow(payload)
        marks = payload.translate(_MARKS)
        number = int.from_bytes(marks, "little")
        # Where a separator is followed by another, its field is empty. Content is left out, so what remains
        # tells one shape from another, with the segments' names, whatever the values are.
        empty = number & (number >> 8 | number >> 10)
        remains = (number | empty << 1).to_bytes(len(marks), "little").translate(None, b"\0")
        if len(remains) > _MAX_KEY:
            return self._slow(payload)
        head = payload[: payload.find(b"\r")].split(b"|", 12)
        key = (remains, b"|".join(_FIRST_FIELDS(payload)), head[11] if len(head) > 11 else b"")
        try:
            return self._known[key]
        except KeyError:
            found = self._slow(payload)
            if len(self._known) >= _KNOWN:
                self._known.clear()
            self._known[key] = found
            return found

    def _slow(self, payload: bytes) -> Structure | None:
        try:
            return structure(payload, self._codes)
        except NotHL7:
            return None
