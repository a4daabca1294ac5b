"""Reading X12 files: interchanges, functional groups, transaction sets (X12.5, X12.6; 005010).

Called through `x12`. Separators are whatever each ISA declares; several interchanges may follow one
another in one file. Reading is tolerant and says what it tolerated: a damaged part is reported with
its byte offset and never keeps the rest of the file from being read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

Segment = tuple[str, ...]
"""A segment: `segment[0]` is its identifier, `segment[n]` its element n, as written."""

ISA_LENGTH: Final = 106
_ISA_SHORTEST: Final = 3 + 16 + 3
"""Characters of an ISA whose elements are all empty but the last."""
_ISA_WIDTHS: Final = (2, 10, 2, 10, 2, 15, 2, 15, 6, 4, 1, 5, 9, 1, 1, 1)
_ISA_START: Final = re.compile(rb"(?<![A-Za-z0-9])ISA([^A-Za-z0-9 ])[0-9A-Za-z ]{1,2}\1", re.DOTALL)
_NAME: Final = re.compile(r"[A-Z][A-Z0-9]{1,2}")
_BLANK: Final = b" \t\r\n\x00\x1a"


class X12Error(ValueError):
    """Something in the file is not X12. `offset` is the byte where it begins."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(f"{message} (at byte {offset})")
        self.message = message
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Separators:
    """The delimiters an ISA declares; `repetition` is "" before version 00402 or when unused."""

    element: str = "*"
    component: str = ":"
    repetition: str = "^"
    terminator: str = "~"


@dataclass(frozen=True, slots=True)
class Transaction:
    """One transaction set. `segments` run from ST to SE (which is missing when `complete` is False).

    `isa13`, `gs06` and `st02` are the control numbers that identify it; `isa06`, `isa08`, `gs02` and
    `gs03` its sender and receiver, without padding; `version` is ST03, else GS08. `offset` is the byte
    of its ST; `date` and `time` are GS04 and GS05, else ISA09 and ISA10, as written.
    """

    st01: str
    st02: str
    version: str
    gs01: str
    gs02: str
    gs03: str
    gs06: str
    isa06: str
    isa08: str
    isa13: str
    segments: tuple[Segment, ...]
    separators: Separators
    complete: bool
    offset: int = 0
    date: str = ""
    time: str = ""

    @property
    def control_id(self) -> str:
        """ISA13, GS06 and ST02 joined by a hyphen: the identity of this transaction for its sender."""
        return f"{self.isa13}-{self.gs06}-{self.st02}"

    @property
    def message(self) -> str:
        """ST01, but `277CA` for the claim acknowledgement, which shares its number with the 277."""
        return "277CA" if self.st01 == "277" and "X214" in self.version else self.st01

    def components(self, element: str) -> list[str]:
        """The components of a composite element; one when it is simple."""
        return element.split(self.separators.component)


@dataclass(frozen=True, slots=True)
class InterchangeAcknowledgement:
    """A TA1 segment. `code` TA104 is A, E or R; `note` TA105 the reason; `isa13` the one it answers.

    `own` is the ISA it came under, `offset` its byte.
    """

    isa13: str
    code: str
    note: str
    own: Segment = ()
    offset: int = 0

    @property
    def outcome(self) -> str:
        """`accepted` or `rejected`."""
        return "accepted" if self.code in ("A", "E") else "rejected"


@dataclass(frozen=True, slots=True)
class Interchange:
    """Everything from one ISA to its IEA, or to the next ISA when the IEA is missing.

    `findings` are departures from the standard that did not keep it from being read: a missing
    trailer, a wrong count, control numbers that differ, an ISA that is not 106 characters long.
    """

    isa: Segment
    separators: Separators
    transactions: tuple[Transaction, ...]
    acknowledgements: tuple[InterchangeAcknowledgement, ...]
    findings: tuple[X12Error, ...]
    offset: int

    @property
    def isa13(self) -> str:
        """Interchange control number."""
        return self.isa[13]


def interchanges(data: bytes, errors: list[X12Error] | None = None) -> Iterator[Interchange]:
    """Every interchange in a file, in order.

    Stretches that belong to no interchange are appended to `errors` when it is given. Without it the
    first of them is raised as X12Error, after everything readable has been yielded.
    """
    unread: list[X12Error] = [] if errors is None else errors
    for reader in _readers(data, unread):
        try:
            yield reader.read()
        except X12Error as error:
            unread.append(error)
    if errors is None and unread:
        raise unread[0]


def parts(
    data: bytes, errors: list[X12Error], findings: list[X12Error]
) -> Iterator[Transaction | InterchangeAcknowledgement]:
    """Every transaction set and TA1 of a file, one at a time, so that a large file is never held in pieces.

    `errors` and `findings` are filled as the file is read, the one with what could not be read, the other
    with departures from the standard that did no harm.
    """
    for reader in _readers(data, errors):
        reader.findings = findings
        try:
            yield from reader.events()
        except X12Error as error:
            errors.append(error)


def _starts(data: bytes) -> list[int]:
    """Where interchanges begin. ISA is a given name, too, and may stand in any element."""
    found: list[int] = []
    terminator = b""  # empty, which is in everything, behind an ISA that has none
    for match in _ISA_START.finditer(data):
        at = match.start()
        before = data[max(0, at - 8) : at]
        written = len(before.rstrip(_BLANK))
        begins = not written or terminator in before[written - 1 :]
        separators = _separators_at(data, at, len(data))
        widths = tuple(end - begin - 1 for begin, end in pairwise(separators))
        # After a cut anything may stand before it; then its columns are those of the standard.
        if not found or begins or widths == _ISA_WIDTHS[:-1]:
            found.append(at)
            end = separators[-1]
            terminator = data[end + 2 : end + 3] if len(separators) == len(_ISA_WIDTHS) else b""
    return found


def _separators_at(data: bytes, at: int, stop: int) -> list[int]:
    """Where the separators of the ISA that begins here lie: sixteen, or fewer when it is cut short.

    Counted rather than looked for at fixed columns: a file whose padding was lost is still read.
    """
    found = [at + 3]
    while len(found) < len(_ISA_WIDTHS):
        following = data.find(data[at + 3 : at + 4], found[-1] + 1, min(stop, found[-1] + 41))
        if following < 0:
            break
        found.append(following)
    return found


def _readers(data: bytes, unread: list[X12Error]) -> Iterator[_Reader]:
    starts = _starts(data)
    lead = data[: starts[0]] if starts else data
    if lead.removeprefix(b"\xef\xbb\xbf").strip(_BLANK):
        at = len(lead) - len(lead.removeprefix(b"\xef\xbb\xbf").lstrip(_BLANK))
        unread.append(X12Error("no ISA segment where the interchange should begin", at))
    elif not starts:
        unread.append(X12Error("the file is empty", 0))
    for start, stop in pairwise([*starts, len(data)]):
        if stop - start < _ISA_SHORTEST:  # without a reader: a file may be nothing but such beginnings
            unread.append(X12Error("ISA segment is cut short: it has fewer than 16 elements", start))
        else:
            yield _Reader(data, start, stop, unread)


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("iso8859_1")


@dataclass(slots=True)
class _Reader:
    """Reads one interchange; holds what is open while its segments go by."""

    data: bytes
    start: int
    stop: int
    unread: list[X12Error]
    findings: list[X12Error] = field(default_factory=list)
    ready: list[Transaction | InterchangeAcknowledgement] = field(default_factory=list)
    separators: Separators = field(default_factory=Separators)
    isa: Segment = ()
    group: Segment = ()
    groups: int = 0
    in_group: int = 0
    open: list[Segment] = field(default_factory=list)
    opened: int = 0

    def read(self) -> Interchange:
        """All of it."""
        transactions: list[Transaction] = []
        acknowledgements: list[InterchangeAcknowledgement] = []
        for event in self.events():
            if isinstance(event, Transaction):
                transactions.append(event)
            else:
                acknowledgements.append(event)
        return Interchange(
            isa=self.isa,
            separators=self.separators,
            transactions=tuple(transactions),
            acknowledgements=tuple(acknowledgements),
            findings=tuple(self.findings),
            offset=self.start,
        )

    def events(self) -> Iterator[Transaction | InterchangeAcknowledgement]:
        """Its transactions and TA1s as they end."""
        position = self._header()
        data, stop = self.data, self.stop
        terminator = self.separators.terminator.encode("latin-1")
        element = self.separators.element.encode("latin-1")
        ended = False
        while position < stop and not ended:
            end = data.find(terminator, position, stop)
            end = stop if end < 0 else end
            raw = data[position:end]
            line = raw.lstrip(_BLANK)
            at, position = position + len(raw) - len(line), end + 1
            # A trailing line end would stick to the last element of an unterminated segment.
            line = line.rstrip(b"\r\n")
            if not line.strip(_BLANK):
                continue
            segment = tuple(map(_text, line.split(element)))
            ended = self._segment(segment, at)
            if self.ready:
                yield from self.ready
                self.ready.clear()
        if ended:
            rest = data[position:stop]
            if rest.strip(_BLANK):
                at = position + len(rest) - len(rest.lstrip(_BLANK))
                self.unread.append(X12Error("no ISA segment where the next interchange should begin", at))
        else:
            self._close_group(stop, None)
            self._found("IEA is missing", stop)
            yield from self.ready

    def _found(self, message: str, at: int) -> None:
        self.findings.append(X12Error(message, at))

    def _header(self) -> int:
        """Read the ISA, return the offset behind its terminator."""
        data, start = self.data, self.start
        element = data[start + 3 : start + 4]
        separators = _separators_at(data, start, self.stop)
        if len(separators) < len(_ISA_WIDTHS):
            raise X12Error("ISA segment is cut short: it has fewer than 16 elements", start)
        position = separators[-1]
        elements = [_text(data[begin + 1 : end]) for begin, end in pairwise(separators)]
        component, terminator = data[position + 1 : position + 2], data[position + 2 : position + 3]
        if len(terminator) != 1 or position + 3 > self.stop or terminator.isalnum():
            raise X12Error("ISA segment is cut short: no segment terminator follows ISA16", start)
        elements.append(component.decode("latin-1"))
        widths = [len(value) for value in elements]
        for number, (width, standard) in enumerate(zip(widths, _ISA_WIDTHS, strict=True), 1):
            if width != standard:
                self._found(f"ISA{number:02} has {width} characters where {standard} are required", start)
        repetition = elements[10]
        if len(repetition) != 1 or repetition.isalnum() or elements[11] < "00402":
            repetition = ""
        self.isa = ("ISA", *elements)
        self.separators = Separators(
            element=element.decode("latin-1"),
            component=component.decode("latin-1"),
            repetition=repetition,
            terminator=terminator.decode("latin-1"),
        )
        return position + 3

    def _segment(self, segment: Segment, at: int) -> bool:
        """Take one segment in; True when it ends the interchange."""
        name = segment[0]
        if name == "ST":
            self._close_transaction(at, None)
            self.open, self.opened = [segment], at
        elif name == "SE" and self.open:
            self.open.append(segment)
            self._close_transaction(at, segment)
        elif name == "GS":
            self._close_group(at, None)
            self.group, self.in_group = segment, 0
            self.groups += 1
        elif name == "GE":
            self._close_group(at, segment)
        elif name == "IEA":
            self._close_group(at, None)
            self._trailer("IEA", segment, self.groups, "groups", self.isa[13], at)
            return True
        elif self.open:
            self.open.append(segment)
            if not _NAME.fullmatch(name):
                self._found("not a segment identifier of two or three capitals and digits", at)
        elif name == "TA1":
            isa13, _, _, code, note = (*segment[1:], "", "", "", "", "")[:5]
            self.ready.append(InterchangeAcknowledgement(isa13, code, note, self.isa, at))
        else:
            self._found("a segment stands outside any transaction set", at)
        return False

    def _close_group(self, at: int, trailer: Segment | None) -> None:
        self._close_transaction(at, None)
        if self.group:
            if trailer is None:
                self._found("GE is missing", at)
            else:
                self._trailer("GE", trailer, self.in_group, "transaction sets", _at(self.group, 6), at)
        self.group = ()

    def _close_transaction(self, at: int, trailer: Segment | None) -> None:
        if not self.open:
            return
        st, gs = self.open[0], self.group
        if trailer is None:
            self._found("SE is missing", at)
        else:
            self._trailer("SE", trailer, len(self.open), "segments", _at(st, 2), at)
        dated = bool(_at(gs, 4))
        self.ready.append(
            Transaction(
                st01=_at(st, 1),
                st02=_at(st, 2),
                version=_at(st, 3) or _at(gs, 8),
                gs01=_at(gs, 1),
                gs02=_at(gs, 2),
                gs03=_at(gs, 3),
                gs06=_at(gs, 6),
                isa06=self.isa[6].strip(),
                isa08=self.isa[8].strip(),
                isa13=self.isa[13],
                segments=tuple(self.open),
                separators=self.separators,
                complete=trailer is not None,
                offset=self.opened,
                date=_at(gs, 4) if dated else _at(self.isa, 9),
                time=_at(gs, 5) if dated else _at(self.isa, 10),
            )
        )
        self.in_group += 1
        self.open = []

    def _trailer(self, name: str, segment: Segment, count: int, of: str, control: str, at: int) -> None:
        declared = _at(segment, 1)
        if not (declared.isdecimal() and len(declared) <= 10 and int(declared) == count):
            # Only a number is repeated: in a damaged file anything may stand here, a name as well.
            stated = declared if declared.isdecimal() and len(declared) <= 10 else "no number of"
            self._found(f"{name}01 declares {stated} {of}, {count} were read", at)
        if _at(segment, 2) != control:
            self._found(f"{name}02 is not the control number of its header", at)


def _at(segment: Segment, number: int) -> str:
    """Element `number`, without blanks around it; "" when the segment is shorter."""
    return segment[number].strip() if number < len(segment) else ""
