"""Rows of delimited and fixed-width files.

Called by the file observer and by replay. Bytes in, rows out, each with the line it began at; a row that
cannot be read is a `BadRow` at its line, and the rows after it are read all the same. A value is never
repeated in an error.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

MAX_FIELD: Final = 131_072
"""Characters of one value; a quote that is never closed ends here at the latest."""
MAX_ROW_LINES: Final = 1000
"""Lines one quoted row may span; beyond it, its quote was a mistake and the next line is a new row."""
UNREADABLE: Final = "\ufffd"
_BOMS: Final = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


@dataclass(frozen=True, slots=True)
class Row:
    """One row: `line` is that of its first character, from 1; `size` its characters."""

    line: int
    values: Mapping[str, str]
    size: int


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not be read; `why` is a sentence without any of its content."""

    line: int
    why: str


class LayoutError(ValueError):
    """The file has no header, or its header does not name a wanted column; the text says which."""


def decode(data: bytes, encoding: str) -> str:
    """The text of a file; what its character set does not have becomes U+FFFD. A byte order mark wins."""
    for mark, named in _BOMS:
        if data.startswith(mark) and not encoding.startswith("cp"):
            return data.decode("utf-8-sig" if named == "utf-8" else named, "replace")
    return data.decode(encoding, "replace")


def delimited(
    text: str,
    *,
    delimiter: str = ",",
    quote: str = '"',
    columns: Sequence[str] = (),
    skip_lines: int = 0,
    wanted: Sequence[str] = (),
) -> Iterator[Row | BadRow]:
    """Rows of a delimited file (RFC 4180, any one-character delimiter and quote, any line end).

    `wanted` are the columns without which a row is bad. Raises `LayoutError` at the header.
    """
    lines = _Lines(text, skip_lines)
    reader = csv.reader(
        lines,
        delimiter=delimiter,
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        strict=True,
    )
    header = [name.strip() for name in columns]
    named = bool(header)
    while True:
        first = lines.begin()
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error:
            lines.back_to_second()
            yield BadRow(first, "not a row: a quote that is not closed or stands alone, or a value too long")
            continue
        if not values or not any(values):
            continue
        if not header:
            header = [value.strip() for value in values]
        if not named:
            missing = [column for column in wanted if column not in header]
            if missing:
                raise LayoutError(f"no column {missing[0]!r} in the header at line {first}")
            named = True
            continue
        yield _row(first, header, values, wanted, lines.size)


def fixed(
    data: bytes,
    encoding: str,
    columns: Sequence[tuple[str, int, int]],
    *,
    record_length: int | None = None,
    skip_lines: int = 0,
) -> Iterator[Row | BadRow]:
    """Rows of a fixed-width file; `columns` are (name, position from 1, length) in characters.

    `record_length` in bytes parts records where there are no line ends. A row that ends before its last
    column begins is bad; one that ends within it is not, because trailing blanks are often cut.
    """
    reach = max((start for _, start, _ in columns), default=1)
    for line, text in enumerate(_records(data, encoding, record_length), 1):
        if line <= skip_lines or not text.strip():
            continue
        if len(text) < reach:
            yield BadRow(line, f"it has {len(text)} characters, its last column begins at {reach}")
            continue
        values = {name: text[start - 1 : start - 1 + length].strip() for name, start, length in columns}
        if any(UNREADABLE in value for value in values.values()):
            yield BadRow(line, "bytes that its character set does not have")
            continue
        yield Row(line, values, len(text))


def _records(data: bytes, encoding: str, length: int | None) -> Iterator[str]:
    if length is None:
        yield from _split(decode(data, encoding))
        return
    for start in range(0, len(data), length):
        yield data[start : start + length].decode(encoding, "replace").rstrip("\r\n\x00")


def _row(
    line: int, header: Sequence[str], values: list[str], wanted: Sequence[str], size: int
) -> Row | BadRow:
    if len(values) > len(header):
        return BadRow(line, f"it has {len(values)} values for {len(header)} columns")
    row = dict(zip(header, values, strict=False))
    for column in wanted:
        if column not in row:
            return BadRow(line, f"it ends after {len(values)} of {len(header)} columns")
        if UNREADABLE in row[column]:
            return BadRow(line, "bytes that its character set does not have")
    return Row(line, row, size)


def _split(text: str) -> Iterator[str]:
    """Lines ended by LF, CRLF or CR, and by nothing else that Unicode calls a line end."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    start, end = 0, len(text)
    while start < end:
        found = text.find("\n", start)
        found = end if found < 0 else found
        yield text[start:found]
        start = found + 1


class _Lines(Iterator[str]):
    """Lines for the csv reader, counted; a row that came to nothing gives back all of its lines but one.

    Rows are tried again from their second line: a quote that somebody forgot to close must not swallow the
    rows behind it. No line is given out more often than it has quotes before it, plus two.
    """

    def __init__(self, text: str, skip: int) -> None:
        self._lines = _split(text)
        self._again: deque[str] = deque()
        self._row: list[str] = []
        self._number = sum(1 for _ in zip(range(skip), self._lines, strict=False))

    @property
    def size(self) -> int:
        """Characters of the row that was read last."""
        return sum(map(len, self._row))

    def begin(self) -> int:
        """A new row begins; the number of its first line."""
        self._row.clear()
        return self._number + 1

    def back_to_second(self) -> None:
        """Give the row's lines back, except its first."""
        again = self._row[1:]
        self._again.extendleft(reversed(again))
        self._number -= len(again)

    def __next__(self) -> str:
        if len(self._row) >= MAX_ROW_LINES:
            raise csv.Error("too many lines")
        line = self._again.popleft() if self._again else next(self._lines)
        self._number += 1
        self._row.append(line)
        return line + "\n"
