"""Separators, character sets and escape sequences of HL7 v2 text.

Called by `hl7v2` alone. Text from outside must never raise: what a declared character set cannot
decode is read as UTF-8, else as Latin-1, so that a wrong MSH-18 costs an accent and not a message.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_TABLE_0211: Final = {
    "": "ascii",
    "ASCII": "ascii",
    "8859/1": "iso8859_1",
    "8859/2": "iso8859_2",
    "8859/3": "iso8859_3",
    "8859/4": "iso8859_4",
    "8859/5": "iso8859_5",
    "8859/6": "iso8859_6",
    "8859/7": "iso8859_7",
    "8859/8": "iso8859_8",
    "8859/9": "iso8859_9",
    "8859/10": "iso8859_10",
    "8859/13": "iso8859_13",
    "8859/14": "iso8859_14",
    "8859/15": "iso8859_15",
    "UNICODE": "utf-8",
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
    "UTF8": "utf-8",
    "GB 18030-2000": "gb18030",
    "KS X 1001": "cp949",
    "BIG-5": "big5hkscs",
    "ISO IR6": "ascii",
    "ISO IR14": "shift_jis",
    "ISO IR87": "iso2022_jp_2",
    "ISO IR159": "iso2022_jp_2",
}
"""HL7 table 0211 and the spellings seen in the field, as Python codecs."""

_SPLIT_UNSAFE: Final = frozenset({"gb18030", "cp949", "big5hkscs", "shift_jis", "iso2022_jp_2"})
"""Codecs whose trailing bytes may equal a separator: cutting their bytes would tear characters."""

UNUSED: Final = b"\r"
"""Stands for a separator that a message does not use."""

_LETTERS: Final = frozenset({b"F", b"S", b"R", b"E", b"T", b"P"})
_FORMATTING: Final = {b".br": b"\n", b".sp": b"\n", b".ce": b"\n", b"H": b"", b"N": b""}


def codec_of(declared: str) -> str | None:
    """Python codec for an MSH-18 value (all repetitions, joined by `~`), None when unknown.

    A later repetition that needs ISO 2022 switching decides, because the first set is its subset.
    """
    names = [name.strip().upper() for name in declared.split("~")]
    for name in names[1:]:
        if _TABLE_0211.get(name) == "iso2022_jp_2":
            return "iso2022_jp_2"
    return _TABLE_0211.get(names[0])


def splittable(codec: str) -> bool:
    """Whether bytes in `codec` may be cut at ASCII separators."""
    return codec not in _SPLIT_UNSAFE


def decode(value: bytes, codec: str) -> str:
    """Text of `value`: by `codec`, else UTF-8, else Latin-1. Never raises."""
    try:
        return value.decode(codec)
    except (UnicodeDecodeError, LookupError):
        pass
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("iso8859_1")


@dataclass(frozen=True, slots=True)
class Encoding:
    """The separators a message declares in MSH-1 and MSH-2 (HL7 v2.5.1 section 2.5.4).

    A separator that is not used is CR, which no segment contains, so that cutting at it is always
    possible and never cuts. `plain` says that no separator is a letter or a digit, so that a field of
    letters and digits needs no cutting.
    """

    field: bytes
    component: bytes
    repetition: bytes
    escape: bytes
    subcomponent: bytes
    truncation: bytes
    plain: bool

    def separator(self, letter: bytes) -> bytes:
        """What the escape sequence of that letter stands for; CR when unused."""
        return {
            b"F": self.field,
            b"S": self.component,
            b"R": self.repetition,
            b"E": self.escape,
            b"T": self.subcomponent,
            b"P": self.truncation,
        }.get(letter, UNUSED)


@lru_cache(maxsize=256)
def encoding(field: bytes, characters: bytes) -> Encoding:
    """Encoding for MSH-1 and MSH-2.

    An empty MSH-2 means the customary characters; a short one means that those it leaves out are not
    used, so that "AT&T" stays whole.
    """
    characters = characters or b"^~\\&"
    component, repetition, escape, subcomponent, truncation = (
        characters[place : place + 1] or UNUSED for place in range(5)
    )
    plain = not any(map(bytes.isalnum, (component, repetition, escape, subcomponent)))
    return Encoding(field, component, repetition, escape, subcomponent, truncation, plain)


def unescape(value: bytes, separators: Encoding) -> bytes:
    r"""Resolve escape sequences (HL7 v2.5.1 section 2.7).

    `\Xhh..\` gives the bytes themselves, `\.br\` a line feed, highlighting nothing. What is not an
    escape sequence, such as a path with backslashes or a site's own `\Z..\`, stays as written.
    """
    escape = separators.escape
    pieces = value.split(escape)
    out = [pieces[0]]
    index, last = 1, len(pieces) - 1
    while index <= last:
        # An escape character with no partner is text.
        resolved = None if index == last else _sequence(pieces[index], separators)
        if resolved is None:
            out.append(escape + pieces[index])
            index += 1
        else:
            out += (resolved, pieces[index + 1])
            index += 2
    return b"".join(out)


def _sequence(body: bytes, separators: Encoding) -> bytes | None:
    if body in _LETTERS:
        separator = separators.separator(body)
        return None if separator == UNUSED else separator
    if body[:1] == b"X" and len(body) > 1:
        try:
            return bytes.fromhex(body[1:].decode("ascii"))
        except (UnicodeDecodeError, ValueError):
            return None
    return _FORMATTING.get(body.split(b"+")[0] if body[:1] == b"." else body)


def escape_text(value: bytes, separators: Encoding) -> bytes:
    """The reverse of `unescape` for plain text: separators, line ends, and the escape itself."""
    escape = separators.escape
    if escape == UNUSED:
        return value.replace(b"\r", b" ").replace(b"\n", b" ")
    out = value.replace(escape, escape + b"E" + escape)
    for letter in (b"F", b"S", b"R", b"T"):
        separator = separators.separator(letter)
        if separator != UNUSED:
            out = out.replace(separator, escape + letter + escape)
    for line_end in (b"\r\n", b"\r", b"\n"):
        out = out.replace(line_end, escape + b".br" + escape)
    return out
