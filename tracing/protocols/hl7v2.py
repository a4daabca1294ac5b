"""Lazy reading of HL7 v2 messages (HL7 v2.5.1 chapter 2), and the acknowledgement a receiver sends.

Called for every message by the MLLP tap and by the simulator. Only the segments that are asked for
are found and cut. It must never raise on what a sender wrote, except NotHL7 when there is no MSH,
and never changes the payload it was given.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, NamedTuple

from tracing.protocols.hl7v2_path import HEADERS, Path, PathError, compile_path
from tracing.protocols.hl7v2_text import codec_of, decode, escape_text, splittable, unescape

__all__ = [
    "Message",
    "NotHL7",
    "Path",
    "PathError",
    "Segment",
    "acknowledge",
    "compile_path",
    "parse",
    "split_batch",
]

_BOM: Final = b"\xef\xbb\xbf"
_UTF16: Final = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_NULL: Final = b'""'
_ENVELOPE: Final = (b"FHS", b"BHS")
_TRAILERS: Final = (b"BTS", b"FTS")

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


class Message:
    """A message whose segments are cut when first asked for. Made by `parse`.

    Reading a path that stops above the leaf gives its first leaf: `PV1-19` of
    `V1^^^NSH&1.2&ISO^VN` is `V1` and `PV1-19.4` is `NSH`. Absent, empty and the explicit null `""`
    all read as None; `raw` tells them apart.
    """

    __slots__ = (
        "_cut",
        "_delimiters",
        "codec",
        "component",
        "data",
        "escape",
        "field",
        "repetition",
        "subcomponent",
    )

    def __init__(self, data: bytes, field: bytes, encoding: bytes, codec: str) -> None:
        self.data = data
        """The message, segments ended by CR; UTF-8 when its own codec cannot be cut at separators."""
        self.codec = codec
        self.field = field
        # An empty MSH-2 means the customary characters; a short one means that those it leaves
        # out are not used (2.14.9.2), so that "AT&T" stays whole.
        encoding = encoding or b"^~\\&"
        self.component = encoding[0:1]
        self.repetition = encoding[1:2]
        self.escape = encoding[2:3]
        self.subcomponent = encoding[3:4]
        self._delimiters = (
            field, self.component, self.repetition, self.escape, self.subcomponent, encoding[4:5],
        )  # fmt: skip
        self._cut: dict[bytes, list[bytes]] = {}

    # -- cutting ---------------------------------------------------------------------------------

    def _first(self, name: bytes) -> list[bytes]:
        """Fields of the first segment `name`, [] when there is none. Index n is field n."""
        data = self.data
        if name == b"MSH":
            fields = data[: self._end(0)].split(self.field)
            fields.insert(1, self.field)
        else:
            start = data.find(b"\r" + name + self.field)
            fields = [] if start < 0 else data[start + 1 : self._end(start + 1)].split(self.field)
        self._cut[name] = fields
        return fields

    def _end(self, start: int) -> int:
        end = self.data.find(b"\r", start)
        return len(self.data) if end < 0 else end

    def _every(self, path: Path) -> Iterator[list[bytes]]:
        """Fields of every segment that `path` may mean."""
        if path.name == b"MSH":
            if path.occurrence <= 1:
                yield self._first(b"MSH")
            return
        needle = b"\r" + path.name + self.field
        seen, start = 0, self.data.find(needle)
        while start >= 0:
            end = self._end(start + 1)
            seen += 1
            if path.occurrence in (0, seen):
                yield self.data[start + 1 : end].split(self.field)
            start = self.data.find(needle, end)

    def _repetitions(self, path: Path, fields: list[bytes]) -> list[bytes]:
        """Every repetition of the field that `path` may mean, in one segment."""
        if path.field >= len(fields):
            return []
        if path.verbatim or not self.repetition:
            repetitions = [fields[path.field]]
        else:
            repetitions = fields[path.field].split(self.repetition)
        return repetitions[path.repetition - 1 : path.repetition] if path.repetition else repetitions

    def _all_repetitions(self, path: Path) -> Iterator[bytes]:
        for fields in self._every(path):
            yield from self._repetitions(path, fields)

    def _leaf(self, repetition: bytes, component: int, subcomponent: int) -> str | None:
        value = repetition
        separator = self.component
        if separator and separator in value:
            parts = value.split(separator, component or 1)
            if component > len(parts):
                return None
            value = parts[component - 1 if component else 0]
        elif component > 1:
            return None
        separator = self.subcomponent
        if separator and separator in value:
            parts = value.split(separator, subcomponent or 1)
            if subcomponent > len(parts):
                return None
            value = parts[subcomponent - 1 if subcomponent else 0]
        elif subcomponent > 1:
            return None
        if not value or value == _NULL:
            return None
        if self.escape and self.escape in value:
            value = unescape(value, self.escape, self._delimiters)
        return decode(value, self.codec)

    # -- reading ---------------------------------------------------------------------------------

    def value(self, path: Path) -> str | None:
        """The leaf at a compiled path, or None. The fast way: compile once, read many messages."""
        if path.occurrence > 1:
            fields = next(self._every(path), [])
        else:
            cut = self._cut.get(path.name)
            fields = self._first(path.name) if cut is None else cut
        number = path.field
        if number >= len(fields):
            return None
        field = fields[number]
        if not field:
            return None
        if path.verbatim:
            return decode(field, self.codec) if path.component < 2 else None
        separator = self.repetition
        if separator and separator in field:
            repetitions = field.split(separator, path.repetition or 1)
            if path.repetition > len(repetitions):
                return None
            field = repetitions[path.repetition - 1 if path.repetition else 0]
        elif path.repetition > 1:
            return None
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

        Blanks around either are no part of it; repetitions without an ID are left out.

        The authority is the namespace CX.4.1, else the universal ID CX.4.2, else "".
        """
        return self._identifiers(path, 4, (1, 2))

    def ei(self, path: str | Path) -> list[tuple[str, str]]:
        """(entity identifier, namespace) of every repetition of an EI field such as ORC-2 (2.A.28).

        The authority is the namespace EI.2, else the universal ID EI.3, else "".
        """
        return self._identifiers(path, 2, (1,), 3)

    def _identifiers(
        self, path: str | Path, authority: int, subcomponents: tuple[int, ...], otherwise: int = 0
    ) -> list[tuple[str, str]]:
        path = compile_path(path) if isinstance(path, str) else path
        out: list[tuple[str, str]] = []
        for repetition in self._all_repetitions(path):
            value = self._leaf(repetition, 1, 0)
            value = value.strip() if value else None
            if not value:
                continue
            name = None
            for subcomponent in subcomponents:
                name = name or self._leaf(repetition, authority, subcomponent)
            if otherwise:
                name = name or self._leaf(repetition, otherwise, 0)
            out.append((value, (name or "").strip()))
        return out

    def raw(self, path: str | Path) -> str:
        """The first repetition of the field as written, separators and escapes included, or ""."""
        path = compile_path(path) if isinstance(path, str) else path
        if path.verbatim:
            return self.value(path) or ""
        repetitions = self._repetitions(path, next(self._every(path), []))
        return decode(repetitions[0], self.codec) if repetitions else ""

    def segments(self) -> Iterator[Segment]:
        """Every segment in order, as written."""
        for line in self.data.split(b"\r"):
            if line:
                fields = decode(line, self.codec).split(decode(self.field, self.codec))
                if fields[0] in HEADERS:
                    fields.insert(1, decode(self.field, self.codec))
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
    head = data[4:12].split(b"\r", 1)[0].split(field, 1)[0]
    message = Message(data, field, head, "ascii")
    # ESC announces ISO 2022 text, which is 7-bit and looks like ASCII.
    if not data.isascii() or b"\x1b" in data:
        codec = codec_of("~".join(message.all(_CHARSET))) or "utf-8"
        if splittable(codec):
            message.codec = codec
        else:
            message = Message(data.decode(codec, "replace").encode(), field, head, "utf-8")
    return message


def _unwrap(payload: bytes) -> bytes:
    """What stands before MSH: byte order marks, blank lines, a batch envelope."""
    codec = _UTF16.get(payload[:2])
    if codec:
        payload = payload[2:].decode(codec, "replace").encode()
    data = payload.removeprefix(_BOM).lstrip(b"\r\n\t \x00")
    if data[:3] in _ENVELOPE:
        data = next(iter(split_batch(data)), b"")
    if data[:3] != b"MSH":
        raise NotHL7("payload does not start with an MSH segment")
    return data


def split_batch(payload: bytes) -> list[bytes]:
    """The messages of a file or batch (FHS, BHS, MSH…, BTS, FTS; HL7 v2.5.1 2.10.3), in order.

    Also splits files that simply concatenate messages. Segments come back ended by CR.
    """
    data = payload.removeprefix(_BOM).replace(b"\r\n", b"\r").replace(b"\n", b"\r")
    messages: list[list[bytes]] = []
    inside = False
    for line in data.split(b"\r"):
        name = line[:3] if not line[3:4].isalnum() else b""
        if name == b"MSH":
            messages.append([line])
            inside = True
        elif name in _ENVELOPE or name in _TRAILERS:
            inside = False
        elif inside and line:
            messages[-1].append(line)
    return [b"\r".join(lines) + b"\r" for lines in messages]


def acknowledge(
    message: Message,
    code: str,
    control_id: str,
    now: datetime,
    text: str | None = None,
    error: str | None = None,
) -> bytes:
    """The acknowledgement payload (unframed) that a receiver of `message` sends back (2.9.2).

    `code` is MSA-1, `control_id` the new MSH-10, `text` MSA-3, `error` a code for ERR-3 (before
    version 2.5: ERR-1.4). Sender and receiver change places; separators, MSH-11, MSH-12 and MSH-18
    are the message's own.
    """
    header = message._cut.get(b"MSH") or message._first(b"MSH")

    def taken(number: int) -> bytes:
        return header[number] if number < len(header) else b""

    def written(words: str) -> bytes:
        codec = message.codec if message.codec != "ascii" else "utf-8"
        return escape_text(words.encode(codec, "replace"), message.escape, message._delimiters)

    sep, comp = message.field, message.component
    version = (message.version or "2.5.1").split(".")
    modern = version >= ["2", "5"]
    kind = [b"ACK"]
    trigger = message.value(_TRIGGER) or message.value(_EVENT)
    if trigger:
        kind.append(written(trigger))
        if version >= ["2", "3", "1"]:
            kind.append(b"ACK")
    stamp = now.astimezone(UTC).strftime("%Y%m%d%H%M%S+0000").encode()
    fields = [
        b"MSH", taken(2) or b"^~\\&", taken(5), taken(6), taken(3), taken(4), stamp, b"",
        comp.join(kind), written(control_id), taken(11) or b"P", taken(12) or b"2.5.1",
    ]  # fmt: skip
    if taken(18):
        fields += [b""] * 5 + [taken(18)]
    lines = [sep.join(fields)]
    acknowledged = [b"MSA", code.encode("ascii", "replace"), written(message.control_id)]
    if text is not None:
        acknowledged.append(written(text))
    lines.append(sep.join(acknowledged))
    if error is not None:
        place = [b"", b"", written(error)] if modern else [comp * 3 + written(error)]
        lines.append(sep.join([b"ERR", *place, *([b"E"] if modern else [])]))
    return b"\r".join(lines) + b"\r"
