"""Paths to values in an HL7 v2 message, such as `PV1-19.1` or `PID-3[2].4.1`.

Called by `hl7v2` and by everything that takes paths from configuration. Compiling is done once, at
start; whether a path exists in a version of the standard is asked of `hl7v2_names`, not here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_FORM: Final = re.compile(
    r"(?P<segment>[A-Z][A-Z0-9]{2})(?:\[(?P<occurrence>[1-9]\d{0,3})\])?"
    r"-(?P<field>[1-9]\d{0,3})(?:\[(?P<repetition>[1-9]\d{0,3})\])?"
    r"(?:\.(?P<component>[1-9]\d{0,3})(?:\.(?P<subcomponent>[1-9]\d{0,3}))?)?",
    re.ASCII,
)

HEADERS: Final = frozenset({"MSH", "FHS", "BHS"})
"""Segments whose first field is the field separator itself (HL7 v2.5.1 section 2.14.9)."""


class PathError(ValueError):
    """A path that is not of the form SEGMENT[occurrence]-field[repetition].component.subcomponent."""


@dataclass(frozen=True, slots=True)
class Path:
    """A compiled path. All numbers count from 1; 0 means "not given", which reads the first.

    `first` says that the path asks for the first leaf of the first repetition; `verbatim` marks MSH-1
    and MSH-2, which hold the separators and are never cut by them.
    """

    text: str
    segment: str
    occurrence: int
    field: int
    repetition: int
    component: int
    subcomponent: int
    name: bytes
    first: bool
    verbatim: bool


@lru_cache(maxsize=4096)
def compile_path(text: str) -> Path:
    """Compile `text`, a form of `PID[1]-3[2].4.1` of which only segment and field are required.

    Raises PathError when it has another form.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise PathError(
            f"{text!r} is not an HL7 path: write SEGMENT-field, for example PV1-19, PV1-19.1 or PID-3[2].4.1"
        )
    segment, field = found["segment"], int(found["field"])
    within = [int(found[part] or 0) for part in ("repetition", "component", "subcomponent")]
    return Path(
        text=text,
        segment=segment,
        occurrence=int(found["occurrence"] or 0),
        field=field,
        repetition=within[0],
        component=within[1],
        subcomponent=within[2],
        name=segment.encode("ascii"),
        first=max(within) <= 1,
        verbatim=segment in HEADERS and field <= 2,
    )
