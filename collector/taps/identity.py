"""What a message says about identity, as the attribute `journey.identity`.

Called by the readers of HL7 v2 and FHIR. A key that was until now stands in this attribute only: among the
keys of the message it would join for ever what a later event may part again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from collector.taps.hops import Encoded
from tracing import attributes as names
from tracing import spans

MOST = 64
"""Elements of one message."""

Event = Literal["merge", "change", "move", "link", "unlink", "cancel"]
Level = Literal["patient", "account", "visit"]
_LEVELS: dict[str, Level] = {"mrn": "patient", "account": "account"}
_attribute = spans.ascii_attribute(names.IDENTITY)


class Change(NamedTuple):
    """One element: what was `before` and is `now`; of a move, where `subject` was and is."""

    event: Event
    level: Level
    before: Encoded | None
    now: Encoded | None
    subject: Encoded | None = None


def level(one: Encoded) -> Level:
    """What a key is a key of; whatever is neither a patient's nor an account's is a visit's."""
    return _LEVELS.get(one.key.kind, "visit")


def pairs(before: Iterable[Encoded], now: Iterable[Encoded]) -> list[tuple[Encoded, Encoded]]:
    """Each earlier key with the one that took its place: of the same authority, else the first of its kind.

    An earlier key that is there still has no other in its place.
    """
    current = list(now)
    there = {one.key for one in current}
    found = []
    for one in before:
        if one.key in there:
            continue
        alike = [other for other in current if other.key.kind == one.key.kind]
        same = (other for other in alike if other.key.authority == one.key.authority)
        other = next(same, alike[0] if alike else None)
        if other is not None:
            found.append((one, other))
    return found


def encode(changes: Iterable[Change], at_ns: int | None) -> bytes:
    """The attribute, or nothing where there are no changes; `at_ns` is when the system says it happened."""
    at = b"" if at_ns is None else b"%d" % (at_ns // 1_000_000)
    elements = []
    for event, level, before, now, subject in dict.fromkeys(changes):
        earlier = b"" if before is None else before.reference + b":" + before.sealed
        after, moved = (b"" if one is None else one.reference for one in (now, subject))
        elements.append(b",".join((event.encode(), level.encode(), earlier, after, moved, at)))
    return _attribute(b" ".join(elements[:MOST])) if elements else b""
