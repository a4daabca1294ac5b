"""Whether a path exists in a version of HL7 v2, and what people call it. Facts come from hl7apy.

Called when configuration is checked and by pages that name fields; never in the message path, since
the first use loads a version's tables (a third of a second, some 15 MB). Messages themselves are
never judged: a sender that deviates from the standard is still read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Any, Final, NamedTuple

from tracing.protocols.hl7v2_path import Path, PathError, compile_path

DEFAULT_VERSION: Final = "2.5.1"
_ANY: Final = "varies"
_LOOKALIKES: Final = str.maketrans("IO", "10")
_SMALL: Final = {"a", "an", "and", "as", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to"}
_ACRONYMS: Final = {
    *("BP", "CDA", "CLIA", "CPT", "DEA", "DNR", "DRG", "HL7", "HMO", "ICD", "ID", "ISO", "NDC", "NPI"),
    *("OB", "OID", "RX", "SSN", "UPIN", "VIP", "VIS", "ZIP"),
}


class UnknownPath(PathError):
    """A path that is well formed but not in the given version of the standard.

    `nearest` is the path that was probably meant, "" when there is none.
    """

    def __init__(self, message: str, nearest: str = "") -> None:
        super().__init__(f"{message}; did you mean {nearest}?" if nearest else message)
        self.nearest = nearest


class _Part(NamedTuple):
    """A field, component or subcomponent: its name, data type, and its own parts."""

    name: str
    datatype: str
    parts: tuple[_Part, ...]


def versions() -> tuple[str, ...]:
    """The versions of HL7 v2 that are known, oldest first."""
    import hl7apy  # type: ignore[import-untyped]

    return tuple(sorted(hl7apy.SUPPORTED_LIBRARIES, key=_order))


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def nearest_version(version: str) -> str:
    """The known version that reads `version` best: itself, else the newest that is not newer."""
    known = versions()
    wanted = _order(version)
    older = [candidate for candidate in known if wanted and _order(candidate) <= wanted]
    return older[-1] if older else (known[0] if wanted else DEFAULT_VERSION)


@lru_cache(maxsize=16)
def _segments(version: str) -> Mapping[str, tuple[_Part, ...]]:
    import hl7apy

    library = hl7apy.load_library(version)
    segments: dict[str, tuple[_Part, ...]] = {}
    for name, body in library.SEGMENTS.items():
        if body[0] == "sequence":
            body = body[1] if len(body) > 1 else ()
        if body and body[0] != "choice":
            segments[name] = tuple(_part(reference[1]) for reference in body)
    return segments


def _part(reference: Any) -> _Part:
    """hl7apy's (kind, children, data type, long name, …) as a part."""
    children = (reference[1] or ()) if reference[0] == "sequence" else ()
    return _Part(reference[3], reference[2], tuple(_part(child[1]) for child in children))


def validate_path(path: str, version: str = DEFAULT_VERSION) -> Path:
    """Compile `path` if it exists in `version` of the standard.

    Z-segments and fields of data type "varies" take any path; component 1 of a simple field is the
    field itself. Raises PathError when it is malformed, UnknownPath when it does not exist.
    """
    compiled = _compile_or_suggest(path)
    known = versions()
    if version not in known:
        raise UnknownPath(
            f"HL7 version {version!r} is not known, only {', '.join(known)}",
            _closest(version, reversed(known)),
        )
    if compiled.segment.startswith("Z"):
        return compiled
    segments = _segments(version)
    fields = segments.get(compiled.segment)
    where = f"in HL7 v{version}"
    if fields is None:
        meant = _closest(
            compiled.segment,
            sorted(name for name, fields in segments.items() if len(fields) >= compiled.field),
        )
        raise UnknownPath(
            f"{path}: there is no segment {compiled.segment} {where}",
            _spell(compiled, segment=meant) if meant else "",
        )
    if compiled.field > len(fields):
        # One key too many is the usual slip.
        number = str(compiled.field)[:-1]
        meant = number if number and 0 < int(number) <= len(fields) else str(len(fields))
        raise UnknownPath(
            f"{path}: {compiled.segment} has {len(fields)} fields {where}", f"{compiled.segment}-{meant}"
        )
    field = fields[compiled.field - 1]
    head = f"{compiled.segment}-{compiled.field}"
    component = _within(path, head, field, compiled.component, "components", where)
    if component is not None and compiled.subcomponent:
        _within(
            path, f"{head}.{compiled.component}", component, compiled.subcomponent, "subcomponents", where
        )
    return compiled


def _compile_or_suggest(path: str) -> Path:
    try:
        return compile_path(path)
    except PathError as error:
        # The ways other tools write paths: pid-3-1, PID.3.1, PID|3, and lower case.
        pieces = [piece for piece in re.split(r"[^A-Za-z0-9]+", path) if piece]
        if 2 <= len(pieces) <= 4:
            meant = f"{pieces[0].upper()}-{'.'.join(pieces[1:])}"
            try:
                compile_path(meant)
            except PathError:
                raise error from None
            raise UnknownPath(f"{path!r} is not an HL7 path", meant) from None
        raise


def _within(path: str, head: str, part: _Part, number: int, what: str, where: str) -> _Part | None:
    """The numbered part of `part`; None when it has no parts of its own to look into."""
    if number == 0 or part.datatype == _ANY:
        return None
    if part.parts:
        if number <= len(part.parts):
            return part.parts[number - 1]
        count = f"{len(part.parts)} {what}"
    elif number == 1:
        return part
    else:
        count = f"no {what}"
    last = max(1, len(part.parts))
    raise UnknownPath(f"{path}: {head} ({_words(part.name, head[:3])}) has {count} {where}", f"{head}.{last}")


def _closest(word: str, words: Iterable[str]) -> str:
    """The most similar of `words`, "" when none is; of equals the first in order."""
    plain = word.translate(_LOOKALIKES)
    scores = {
        candidate: SequenceMatcher(None, plain, candidate.translate(_LOOKALIKES)).ratio()
        for candidate in words
    }
    best = max(scores, key=scores.__getitem__, default="")
    return best if scores.get(best, 0.0) >= 0.5 else ""


def _spell(path: Path, segment: str) -> str:
    return segment + path.text[3:]


@lru_cache(maxsize=4096)
def describe(path: str, version: str = DEFAULT_VERSION) -> str:
    """What people call a path: `PV1-19` is "Visit Number", `PID-3.4` "Patient Identifier List:
    Assigning Authority". A version that is not known is read as the nearest; a path that is not known
    is returned as it is.
    """
    try:
        compiled = compile_path(path)
    except PathError:
        return path
    parts = _segments(nearest_version(version)).get(compiled.segment, ())
    names: list[str] = []
    for number in filter(None, (compiled.field, compiled.component, compiled.subcomponent)):
        if number > len(parts):
            break
        part = parts[number - 1]
        names.append(_words(part.name, compiled.segment))
        parts = part.parts
    return ": ".join(names) if names else path


def _words(name: str, segment: str) -> str:
    """`DATE_TIME_OF_BIRTH` as "Date/Time of Birth"."""
    text = name.replace("DATE_TIME", "DATE/TIME").replace("_E_G_", "_E.G._")
    words = [word for word in text.split("_") if word]
    return " ".join(_word(word, place, segment) for place, word in enumerate(words))


def _word(word: str, place: int, segment: str) -> str:
    if word in _ACRONYMS or word == segment:
        return word
    lower = word.lower()
    if lower == "e.g." or (place and lower in _SMALL):
        return lower
    return "/".join(piece.capitalize() for piece in lower.split("/"))
