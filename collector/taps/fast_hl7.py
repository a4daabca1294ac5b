"""The short way through an ordinary HL7 v2 message: raw fields, found without cutting the rest.

Called by `observe_hl7` for messages in ASCII with the customary separators, which is nearly all of them; a
test holds it against `tracing.protocols.hl7v2`. It must never guess: anything out of the ordinary gives None,
and the general reader takes over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from tracing.protocols.hl7v2 import Assigned, Path

_HEAD = b"MSH|^~\\&|"
_SEPARATORS = b"^~\\&"
_CONTEXT = b"ZTC"
_MSA = b"\rMSA|"
_AA = b"\rMSA|AA|"
_ENDS = (b"\r", b"|", b"\x1c")
_NEW = tuple.__new__


class Raw(NamedTuple):
    """As written: what identifies the message, and the segments that the interface's rules ask for."""

    facility: bytes
    message: bytes
    control_id: bytes
    lines: tuple[bytes, ...]


_PID = b"PID"


class Place(NamedTuple):
    """A planned field: of the first such segment, or `of_every` such segment its first repetition."""

    path: Path
    of_every: bool = False


class Plan:
    """Which raw fields determine the values at some paths. Made by `plan`."""

    __slots__ = ("_find", "_names", "_places", "_width")

    def __init__(self, names: dict[bytes, dict[tuple[int, bool], None]]) -> None:
        # One search for all of them: each search of its own would go through the whole message.
        # It finds the segment that may carry a trace context too, which costs nothing here.
        wanted = b"|".join(re.escape(name) for name in (*names, _CONTEXT))
        self._find = re.compile(b"\r((?:%b)\\|[^\r]*)" % wanted).findall
        self._places: dict[tuple[bytes, int, bool], int] = {}
        self._names: dict[bytes, tuple[int, tuple[tuple[int, int, bool], ...], bool]] = {}
        for name, fields in names.items():
            places = []
            for number, every in fields:
                place = self._places[name, number, every] = len(self._places)
                places.append((place, number, every))
            limit = max((number for number, _ in fields), default=0) + 1
            self._names[name] = limit, tuple(places), any(every for _, every in fields)
        self._width = len(self._places)

    def place(self, place: Place) -> int:
        """Where in `fields` a planned field is."""
        return self._places[place.path.name, place.path.field, place.of_every]

    def read(self, payload: bytes) -> Raw | None:
        """The segments; None for a message that is not of the ordinary kind."""
        if payload[:9] != _HEAD or not payload.isascii() or b"\n" in payload or b"\x1b" in payload:
            return None
        end = payload.find(b"\r")
        head = payload[:end].split(b"|", 11)
        if len(head) < 11:
            return None
        # As `Raw(...)`, without the Python function behind a named tuple's constructor.
        return _NEW(Raw, (head[3], head[8], head[9], tuple(self._find(payload, end))))

    def fields(self, lines: tuple[bytes, ...]) -> tuple[bytes, ...] | None:
        """The planned fields of `Raw.lines`; None for several patients, or what is not in its place."""
        found = [b""] * self._width
        seen = set()
        for line in lines:
            name = line[:3]
            rule = self._names.get(name)
            if rule is None:
                return None  # a context that is not at the end
            limit, places, repeats = rule
            again = name in seen
            if again and not repeats:
                if name == _PID:
                    return None  # several patients: the general reader tells them apart
                continue
            seen.add(name)
            values = line.split(b"|", limit)
            count = len(values)
            for place, number, every in places:
                if number < count and (every or not again):
                    value = values[number]
                    if every:
                        value = value.partition(b"~")[0]
                        value = found[place] + b"~" + value if found[place] else value
                    found[place] = value
        return tuple(found)


def plan(places: Iterable[Place], found: Iterable[bytes] = ()) -> Plan | None:
    """A plan for these places, which finds segments beside them; None if no field alone is enough."""
    segments: dict[bytes, dict[tuple[int, bool], None]] = {_PID: {}}
    segments |= {name: {} for name in found}
    if b"MSH" in segments:
        return None
    for path, of_every in places:
        if path.verbatim or path.name == b"MSH" or path.occurrence > 1:
            return None
        if path.name == _PID and of_every:
            return None  # there is one PID for each patient
        segments.setdefault(path.name, {})[path.field, of_every] = None
    return Plan(segments) if any(segments.values()) else None


def identifiers(field: bytes, authority: int) -> list[Assigned] | None:
    """Each repetition of a raw CX (`authority` 4) or EI (2) field that has an identifier.

    None where subcomponents, escapes or nulls need the general reader.
    """
    if field.isalnum():  # most order numbers
        return [Assigned(field.decode("ascii"), "", "", "")]
    if b"\\" in field or b'"' in field:
        return None
    found: list[Assigned] = []
    for repetition in field.decode("ascii").split("~"):
        components = repetition.split("^", 6)
        value = components[0]
        if not value:
            continue
        count = len(components)
        name = components[authority - 1] if authority <= count else ""
        after = components[authority] if authority < count else ""
        if "&" in value or "&" in after:
            return None
        if authority == 4:
            parts = name.split("&", 2)
            found.append(Assigned(value, parts[0], parts[1] if len(parts) > 1 else "", after))
        elif "&" in name:
            return None
        else:
            found.append(Assigned(value, name, after, ""))
    return found


def plain(value: bytes) -> bool:
    """Whether a raw field is a value as it stands: no separators or escapes in it, and not the null."""
    return bool(value) and value.translate(None, _SEPARATORS) == value and value != b'""'


def accepted(payload: bytes) -> tuple[str, str] | None:
    """(MSA-1, MSA-2) of an ordinary positive acknowledgement, None for anything else."""
    if payload[:9] != _HEAD or not payload.isascii() or b"\n" in payload:
        return None
    start = payload.find(_MSA)
    if start < 0:
        return None
    stop = payload.find(b"\r", start + 1)
    fields = (payload[start + 1 :] if stop < 0 else payload[start + 1 : stop]).split(b"|", 3)
    if len(fields) < 3 or fields[1] not in (b"AA", b"CA") or b"\x1b" in payload:
        return None
    if not (fields[2].isalnum() or plain(fields[2])):
        return None
    return fields[1].decode("ascii"), fields[2].decode("ascii")


def accepts(payload: bytes, control_id: bytes) -> bool:
    """Whether an acknowledgement in a block accepts, with AA, the message of this (plain) control ID.

    False for every other one, however positive: `accepted` and the general reader then look at it.
    """
    if payload[1:10] != _HEAD:
        return False
    start = payload.find(_AA, 9)
    if start < 0 or payload.find(_MSA, 9, start) >= 0:
        return False
    start += 8
    stop = start + len(control_id)
    return payload[start:stop] == control_id and payload[stop : stop + 1] in _ENDS


def names_trigger(raw: bytes) -> bool:
    """Whether a raw MSH-9 says everything; without a trigger event EVN-1 has a say too."""
    parts = raw.split(b"^", 2)
    return len(parts) > 1 and parts[0].isalnum() and parts[1].isalnum()
