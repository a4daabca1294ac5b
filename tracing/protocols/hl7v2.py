"""Lazy reading of HL7 v2 messages (HL7 v2.5.1 chapter 2).

Called for every message by the MLLP tap and by the simulator. Only the segments that are asked for
are found and cut. It must never raise on what a sender wrote, except NotHL7 when there is no MSH,
and never changes the payload it was given.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from tracing.protocols.hl7v2_batch import BOM, ENVELOPE, split_batch
from tracing.protocols.hl7v2_path import HEADERS, Path, PathError, compile_path
from tracing.protocols.hl7v2_text import (
    Encoding,
    codec_of,
    decode,
    encoding,
    splittable,
    unescape,
)

__all__ = [
    "Assigned",
    "Message",
    "NotHL7",
    "Path",
    "PathError",
    "Segment",
    "compile_path",
    "parse",
    "split_batch",
]

_UTF16: Final = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_LEAD: Final = b"\r\n\t \x00\x0b"
_NULL: Final = b'""'

_MESSAGE_CODE = compile_path("MSH-9.1")
_TRIGGER = compile_path("MSH-9.2")
_EVENT = compile_path("EVN-1")
_CONTROL_ID = compile_path("MSH-10")
_CHARSET = compile_path("MSH-18")
_VERSION = compile_path("MSH-12")
_ACK_CODE = compile_path("MSA-1")
_ACK_CONTROL_ID = compile_path("MSA-2")
_ACK_TEXT = compile_path("MSA-3")
_ERROR_CODES = tuple(compile_path(text) for text in ("ERR-3.1", "ERR-1.4", "MSA-6.1"))


class NotHL7(ValueError):
    """The payload has no MSH segment at its start."""


class Segment(NamedTuple):
    """One segment as written, escapes untouched: `fields[n]` is field n, `fields[0]` the name."""

    name: str
    fields: tuple[str, ...]


class Assigned(NamedTuple):
    """An identifier, its assigning authority (HD: namespace, universal ID) and its type; "" where absent."""

    value: str
    namespace: str
    universal: str
    type: str


class Message:
    """A message whose segments are cut when first asked for. Made by `parse`.

    Reading a path that stops above the leaf gives its first leaf: `PV1-19` of
    `V1^^^NSH&1.2&ISO^VN` is `V1` and `PV1-19.4` is `NSH`. Absent, empty and the explicit null `""`
    all read as None; `raw` tells them apart.
    """

    __slots__ = ("_cut", "codec", "data", "encoding")

    def __init__(self, data: bytes, separators: Encoding, codec: str) -> None:
        self.data = data
        """The message, segments ended by CR; UTF-8 when its own codec cannot be cut at separators."""
        self.codec = codec
        self.encoding = separators
        self._cut: dict[bytes, list[bytes]] = {}

    # -- cutting ---------------------------------------------------------------------------------

    def _first(self, name: bytes) -> list[bytes]:
        """Fields of the first segment `name`, [] when there is none. Index n is field n."""
        data, separator = self.data, self.encoding.field
        if name == b"MSH":
            fields = data.partition(b"\r")[0].split(separator)
            fields.insert(1, separator)
        else:
            start = data.find(b"\r" + name + separator)
            if start < 0:
                fields = []
            else:
                end = data.find(b"\r", start + 1)
                fields = data[start + 1 : end if end > 0 else None].split(separator)
        self._cut[name] = fields
        return fields

    def _every(self, path: Path) -> list[list[bytes]]:
        """Fields of every segment that `path` may mean."""
        name, data, separator, occurrence = path.name, self.data, self.encoding.field, path.occurrence
        out = []
        if occurrence <= 1:
            fields = self._cut.get(name)
            out.append(self._first(name) if fields is None else fields)
        if occurrence == 1 or name == b"MSH":
            return out
        needle = b"\r" + name + separator
        seen, start = 1, data.find(needle)
        while start >= 0 and (start := data.find(needle, start + 4)) >= 0:
            seen += 1
            if occurrence in (0, seen):
                end = data.find(b"\r", start + 1)
                out.append(data[start + 1 : end if end > 0 else None].split(separator))
        return out

    def _repetitions(self, path: Path, fields: list[bytes]) -> list[bytes]:
        """Every repetition of the field that `path` may mean, in one segment."""
        if path.field >= len(fields):
            return []
        if path.verbatim:
            return [fields[path.field]]
        repetitions = fields[path.field].split(self.encoding.repetition)
        return repetitions[path.repetition - 1 : path.repetition] if path.repetition else repetitions

    def _all_repetitions(self, path: Path) -> list[bytes]:
        return [rep for fields in self._every(path) for rep in self._repetitions(path, fields)]

    def _leaf(self, repetition: bytes, component: int, subcomponent: int) -> str | None:
        parts = repetition.split(self.encoding.component, component or 1)
        if component > len(parts):
            return None
        return self._subleaf(parts[component - 1 if component else 0], subcomponent)

    def _subleaf(self, value: bytes, subcomponent: int) -> str | None:
        separators = self.encoding
        if subcomponent <= 1 and separators.plain and value.isalnum():
            return value.decode()
        parts = value.split(separators.subcomponent, subcomponent or 1)
        if subcomponent > len(parts):
            return None
        value = parts[subcomponent - 1 if subcomponent else 0]
        if not value or value == _NULL:
            return None
        if separators.escape in value:
            value = unescape(value, separators)
        return decode(value, self.codec)

    # -- reading ---------------------------------------------------------------------------------

    def value(self, path: Path) -> str | None:
        """The leaf at a compiled path, or None. The fast way: compile once, read many messages."""
        if path.occurrence > 1:
            fields = next(iter(self._every(path)), [])
        else:
            try:
                fields = self._cut[path.name]
            except KeyError:
                fields = self._first(path.name)
        number = path.field
        if number >= len(fields):
            return None
        field = fields[number]
        if not field:
            return None
        separators = self.encoding
        if path.first and separators.plain:
            # Letters and digits alone hold no separator and no escape, and are ASCII.
            if field.isalnum():
                return field.decode()
            head = field.partition(separators.component)[0]
            if head.isalnum() and not path.verbatim:
                return head.decode()
        if path.verbatim:
            return decode(field, self.codec) if path.component < 2 else None
        if separators.repetition in field or path.repetition > 1:
            repetitions = field.split(separators.repetition, path.repetition or 1)
            if path.repetition > len(repetitions):
                return None
            field = repetitions[path.repetition - 1 if path.repetition else 0]
        return self._leaf(field, path.component, path.subcomponent)

    def get(self, path: str | Path) -> str | None:
        """The leaf at `path`, for example `get("PV1-19.1")`. Raises PathError for a malformed path."""
        return self.value(compile_path(path) if isinstance(path, str) else path)

    def all(self, path: str | Path) -> list[str]:
        """The leaf in every repetition of every such segment that has one, in message order."""
        path = compile_path(path) if isinstance(path, str) else path
        if path.verbatim:
            value = self.value(path)
            return [] if value is None else [value]
        leaves = (self._leaf(rep, path.component, path.subcomponent) for rep in self._all_repetitions(path))
        return [leaf for leaf in leaves if leaf is not None]

    def cx(self, path: str | Path) -> list[tuple[str, str]]:
        """(ID, assigning authority) of every repetition of a CX field (HL7 v2.5.1 2.A.14).

        The authority is the namespace CX.4.1, else the universal ID CX.4.2, else "". Blanks around
        either are no part of it; repetitions without an ID are left out.
        """
        return self._identifiers(path, 4)

    def ei(self, path: str | Path) -> list[tuple[str, str]]:
        """(entity identifier, namespace) of every repetition of an EI field such as ORC-2 (2.A.28).

        The authority is the namespace EI.2, else the universal ID EI.3, else "".
        """
        return self._identifiers(path, 2)

    def assigned(
        self, path: Path, authority: int, *, segments: bool = False, repetitions: bool = False
    ) -> list[Assigned]:
        """The identifiers of a CX (`authority` 4) or EI (2) field with all that says whose they are.

        Of the first such segment, or of all `segments`; of each the first repetition, or all `repetitions`.
        """
        separators = self.encoding
        out: list[Assigned] = []
        for fields in self._every(path) if segments else self._every(path)[:1]:
            found = self._repetitions(path, fields)
            for repetition in found if repetitions else found[:1]:
                parts = repetition.split(separators.component, 6) if repetition else [b""]
                value = self._subleaf(parts[0], 1)
                if value is None:
                    continue

                def part(number: int, within: int = 1, parts: list[bytes] = parts) -> str:
                    return (self._subleaf(parts[number - 1], within) or "") if number <= len(parts) else ""

                if authority == 4:
                    out.append(Assigned(value, part(4), part(4, 2), part(5)))
                else:
                    out.append(Assigned(value, part(authority), part(authority + 1), ""))
        return out

    def rows(self, name: bytes) -> list[list[bytes]]:
        """The fields, as written, of every segment of this name; index n is field n."""
        return [fields for fields in self._every(_whole(name)) if fields]

    def groups(self, most: int) -> list[Message]:
        """The first `most` parts of the message, cut before each PID but the first: one for each patient.

        Each has the message's MSH.
        """
        needle = b"\rPID" + self.encoding.field
        start = self.data.find(needle)
        head = self.data.partition(b"\r")[0]
        found: list[Message] = []
        begin = 0
        while (start := self.data.find(needle, start + 4) if start >= 0 else -1) >= 0 and len(found) < most:
            found.append(self._part(self.data[begin : start + 1], head, begin))
            begin = start + 1
        if not begin:
            return [self]
        return found if len(found) == most else [*found, self._part(self.data[begin:], head, begin)]

    def _part(self, data: bytes, head: bytes, begin: int) -> Message:
        return Message(head + b"\r" + data if begin else data, self.encoding, self.codec)

    def _identifiers(self, path: str | Path, authority: int) -> list[tuple[str, str]]:
        path = compile_path(path) if isinstance(path, str) else path
        found = self.assigned(path, authority, segments=True, repetitions=True)
        named = ((one.value.strip(), one.namespace.strip() or one.universal.strip()) for one in found)
        return [(value, name) for value, name in named if value]

    def raw(self, path: str | Path) -> str:
        """The first repetition of the field as written, separators and escapes included, or ""."""
        path = compile_path(path) if isinstance(path, str) else path
        if path.verbatim:
            return self.value(path) or ""
        repetitions = self._repetitions(path, next(iter(self._every(path)), []))
        return decode(repetitions[0], self.codec) if repetitions else ""

    def segments(self) -> Iterator[Segment]:
        """Every segment in order, as written."""
        separator = decode(self.encoding.field, self.codec)
        for line in self.data.split(b"\r"):
            if line:
                fields = decode(line, self.codec).split(separator)
                if fields[0] in HEADERS:
                    fields.insert(1, separator)
                yield Segment(fields[0], tuple(fields))

    # -- what every message has ------------------------------------------------------------------

    @property
    def message_type(self) -> str:
        """Message code and trigger event, as in `ADT^A03`; EVN-1 stands in for a missing MSH-9.2."""
        code = self.value(_MESSAGE_CODE) or ""
        trigger = self.value(_TRIGGER) or self.value(_EVENT)
        return f"{code}^{trigger}" if trigger else code

    @property
    def control_id(self) -> str:
        """MSH-10, its first component; "" when missing."""
        return self.value(_CONTROL_ID) or ""

    @property
    def version(self) -> str:
        """MSH-12.1, as in `2.5.1`; "" when missing."""
        return self.value(_VERSION) or ""

    # -- acknowledgements (HL7 v2.5.1 section 2.9, 2.14.5, 2.14.8) ---------------------------------

    @property
    def ack_code(self) -> str:
        """MSA-1: AA, AE, AR, CA, CE or CR; "" when this is no acknowledgement."""
        return (self.value(_ACK_CODE) or "").strip().upper()

    @property
    def ack_control_id(self) -> str:
        """MSA-2, its first component: the control ID of the message that is acknowledged; or ""."""
        return self.value(_ACK_CONTROL_ID) or ""

    @property
    def ack_text(self) -> str:
        """MSA-3 as the receiver wrote it: free text, may hold anything; or ""."""
        return self.value(_ACK_TEXT) or ""

    @property
    def error_code(self) -> str:
        """ERR-3.1, before version 2.5 ERR-1.4 or MSA-6.1; "" when no error is coded."""
        return next(filter(None, map(self.value, _ERROR_CODES)), "")


@lru_cache(maxsize=256)
def _whole(name: bytes) -> Path:
    return compile_path(f"{name.decode('ascii')}-1")


def parse(payload: bytes) -> Message:
    """Read a message; of a batch, its first one. Raises NotHL7 when there is no MSH."""
    data = payload
    if data[:3] != b"MSH":
        data = _unwrap(data)
    if b"\n" in data:
        data = data.replace(b"\r\n", b"\r").replace(b"\n", b"\r")
    field = data[3:4]
    if field.isalnum():
        raise NotHL7("payload starts with a word that begins with MSH but is no MSH segment")
    if field in (b"", b"\r"):
        field = b"|"
    separators = encoding(field, data[4:9].partition(b"\r")[0].partition(field)[0])
    message = Message(data, separators, "ascii")
    # ESC announces ISO 2022 text, which is 7-bit and looks like ASCII.
    if not data.isascii() or b"\x1b" in data:
        codec = codec_of("~".join(message.all(_CHARSET))) or "utf-8"
        if splittable(codec):
            message.codec = codec
        else:
            message = Message(data.decode(codec, "replace").encode(), separators, "utf-8")
    return message


def _unwrap(payload: bytes) -> bytes:
    """What stands before MSH: byte order marks, blank lines, a batch envelope."""
    codec = _UTF16.get(payload[:2])
    if codec:
        payload = payload[2:].decode(codec, "replace").encode()
    data = payload.lstrip(_LEAD).removeprefix(BOM).lstrip(_LEAD)
    if data[:3] in ENVELOPE:
        data = next(iter(split_batch(data)), b"")
    if data[:3] != b"MSH":
        raise NotHL7("payload does not start with an MSH segment")
    return data
