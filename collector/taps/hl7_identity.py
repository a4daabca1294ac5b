"""HL7 v2 events about identity (v2.5.1 chapter 3): merges, changes, moves, links and cancellations.

Called by `observe_hl7` for the few messages whose event is one. Numbers are read by the rules the interface
has for its keys: MRG holds what stood, until now, in the field a rule names.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from collector.archives.times import hl7_time
from collector.taps.config import Hl7Key
from collector.taps.hl7_keys import Rule
from collector.taps.hops import Encoded, KeyEncoder
from collector.taps.identity import MOST, Change, Event, encode, level, pairs
from tracing.keys import Key
from tracing.protocols.hl7v2 import Message, compile_path

_PATIENT: Final = ("PID-3",)
_ACCOUNT: Final = ("PID-18",)
_VISIT: Final = ("PV1-19",)
_ALTERNATE: Final = ("PV1-50",)
_NUMBERED: Final = MappingProxyType(
    {
        "PID-3": "MRG-1",
        "PID-4": "MRG-2",
        "PID-18": "MRG-3",
        "PID-2": "MRG-4",
        "PV1-19": "MRG-5",
        "PV1-50": "MRG-6",
    }
)
"""Where the number was that now stands in a field (3.4.10)."""

_REPLACED: Final = MappingProxyType(
    {
        "A18": ("merge", _PATIENT),
        "A30": ("merge", _PATIENT),
        "A34": ("merge", _PATIENT),
        "A35": ("merge", _ACCOUNT),
        "A36": ("merge", _PATIENT + _ACCOUNT),
        "A39": ("merge", (*_PATIENT, "PID-2")),
        "A40": ("merge", _PATIENT),
        "A41": ("merge", _ACCOUNT),
        "A42": ("merge", _VISIT),
        "A46": ("change", (*_PATIENT, "PID-2")),
        "A47": ("change", _PATIENT),
        "A48": ("change", (*_PATIENT, "PID-4")),
        "A49": ("change", _ACCOUNT),
        "A50": ("change", _VISIT),
        "A51": ("change", _ALTERNATE),
        # A change of patient class may bring another account and visit along, with the old ones in MRG.
        "A06": ("change", _ACCOUNT + _VISIT),
        "A07": ("change", _ACCOUNT + _VISIT),
    }
)
"""Event and fields whose number took the place of another, by trigger event."""
_MOVED: Final = MappingProxyType({"A43": "patient", "A44": "account", "A45": "visit"})
_JOINED: Final = MappingProxyType({"A24": "link", "A37": "unlink"})
_CANCELLED: Final = frozenset({"A11", "A12", "A13", "A27", "A38"})
TRIGGERS: Final = frozenset({*_REPLACED, *_MOVED, *_JOINED, *_CANCELLED})

_Rules = dict[str, list[Rule]]
_TIMES: Final = (compile_path("EVN-6.1"), compile_path("EVN-2.1"), compile_path("MSH-7.1"))


@lru_cache(maxsize=256)
def may_change(message: bytes) -> bool:
    """Whether a message with this raw MSH-9 may be such an event; without a trigger there, EVN-1 has it."""
    code, _, rest = message.partition(b"^")
    if code.strip() != b"ADT":
        return not code.isalnum()  # something odd: the general reader decides
    trigger = rest.partition(b"^")[0]
    return not trigger.isalnum() or trigger.decode("ascii", "replace") in TRIGGERS


def is_event(message_type: str) -> bool:
    """Whether a message of this type, such as `ADT^A40`, is such an event."""
    code, _, trigger = message_type.partition("^")
    return code == "ADT" and trigger in TRIGGERS


class Hl7Identity:
    """Reads the events of one interface."""

    def __init__(self, rules: list[Hl7Key], authority: str, keys: KeyEncoder) -> None:
        self._keys = keys
        self._now: _Rules = {}
        self._before: _Rules = {}
        for rule in rules:
            read = Rule(rule, authority, keys.authorities)
            field = f"{read.path.segment}-{read.path.field}"
            # A patient is a patient in PID-2 and PID-4 as well, where only events of identity look.
            elsewhere = ("PID-3", "PID-2", "PID-4") if field == "PID-3" and rule.kind == "mrn" else (field,)
            for place in elsewhere:
                earlier = _NUMBERED.get(place)
                if earlier is None or read.path.repetition or read.path.occurrence:
                    continue
                component = rule.path.removeprefix(field)
                self._now.setdefault(place, []).append(
                    read if place == field else Rule(rule, authority, keys.authorities, place + component)
                )
                self._before.setdefault(place, []).append(
                    Rule(rule, authority, keys.authorities, earlier + component)
                )

    def read(self, message: Message) -> tuple[bytes, list[Key]]:
        """The attribute, and keys that belong among the message's own.

        These are numbers that are none, so that they are raised, and PID-2 or PID-4 of events about them.
        """
        if not is_event(message.message_type):
            return b"", []
        more: list[Key] = []
        found = list(self._changes(message, message.message_type.partition("^")[2], more))
        return encode(found, self._at(message)), more

    def _at(self, message: Message) -> int | None:
        for path in _TIMES:
            at = hl7_time(message.value(path), self._keys.zone)
            if at is not None:
                return at
        return None

    def _changes(self, message: Message, trigger: str, more: list[Key]) -> Iterator[Change]:
        if trigger in _CANCELLED:
            first = message.groups(1)[0]
            for field in (*_VISIT, *_ALTERNATE, *_ACCOUNT):
                for key in self._of(self._now, field, first)[:1]:
                    yield Change("cancel", level(key), None, key)
                    return
        elif trigger in _JOINED:
            joined: Event = "link" if trigger == "A24" else "unlink"
            patients = [self._of(self._now, "PID-3", group) for group in message.groups(MOST)]
            for other in patients[1:]:
                for one, own in pairs(other, patients[0]):
                    yield Change(joined, "patient", one, own)
        else:
            for index, group in enumerate(_merged(message)):
                if trigger in _MOVED:
                    yield from self._moved(group, trigger)
                else:
                    yield from self._replaced(group, trigger, more if index == 0 else [])

    def _replaced(self, group: Message, trigger: str, more: list[Key]) -> Iterator[Change]:
        name, fields = _REPLACED[trigger]
        event: Event = "merge" if name == "merge" else "change"
        for field in fields:
            now, before = self._of(self._now, field, group), self._of(self._before, field, group)
            more += self._blank(self._before, field, group)
            if field in ("PID-2", "PID-4") and before:
                more += _read(self._now, field, group)
                now = now or self._of(self._now, "PID-3", group)
            if field == "PID-3" and not before and len(fields) == 1:
                # Senders of early versions name the patient in one of the other two.
                before = self._of(self._before, "PID-2", group) or self._of(self._before, "PID-4", group)
            for earlier, later in pairs(before, now):
                yield Change(event, level(later), earlier, later)

    def _moved(self, group: Message, trigger: str) -> Iterator[Change]:
        patients = self._pairs("PID-3", group) or self._pairs("PID-2", group)
        if trigger == "A43":
            for before, now in patients:
                yield Change("move", "patient", before, now)
            return
        field, holders = "PID-18", patients
        if trigger == "A45":
            # From one account to another, and these may be two patients'.
            field, holders = "PV1-19", [*self._pairs("PID-18", group), *patients]
        subjects = self._of(self._now, field, group) or self._of(self._before, field, group)
        for subject in subjects[:1]:
            for before, now in holders:
                yield Change("move", level(subject), before, now, subject)
        for before, now in self._pairs(field, group):  # moved, and given another number on the way
            yield Change("change", level(now), before, now)

    def _pairs(self, field: str, group: Message) -> list[tuple[Encoded, Encoded]]:
        return pairs(self._of(self._before, field, group), self._of(self._now, field, group))

    def _of(self, rules: _Rules, field: str, group: Message) -> list[Encoded]:
        """The keys in a field that are numbers."""
        return self._keys.numbers(_read(rules, field, group))

    def _blank(self, rules: _Rules, field: str, group: Message) -> list[Key]:
        """Those that are none."""
        return [key for key in _read(rules, field, group) if self._keys.one(key).doubt]


def _read(rules: _Rules, field: str, group: Message) -> list[Key]:
    return [key for rule in rules.get(field, ()) for key in rule.read(group)]


def _merged(message: Message) -> Iterator[Message]:
    """A message for each MRG: it, the PID before it, and the PV1 behind it or, failing that, before it.

    A40 to A44 repeat PID and MRG (structures ADT_A39 and ADT_A43), A45 repeats MRG and PV1 (ADT_A45).
    """
    separator = message.encoding.field
    named = {name + separator: name for name in (b"PID", b"MRG", b"PV1")}
    found = 0
    for patient in message.groups(MOST):
        head, *lines = patient.data.split(b"\r")
        kept = [line for line in lines if line[:4] in named]
        before: list[bytes] = []
        own: list[bytes] = []
        visit: list[bytes] = []
        for line in [*kept, b"MRG" + separator]:  # one more, to end the last
            if line[:3] == b"MRG" and own:
                found += 1
                parts = [head, *before, *own, *([] if len(own) > 1 else visit)]
                yield Message(b"\r".join(parts), message.encoding, message.codec)
                own = []
                if found >= MOST:
                    return
            if line[:3] == b"PID":
                before = [line]
            elif line[:3] == b"MRG":
                own = [line]
            elif own:
                own.append(line)
            else:
                visit = [line]
