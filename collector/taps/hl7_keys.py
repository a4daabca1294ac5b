"""How the keys of an HL7 v2 message are read: by the general reader, or from raw fields if these are enough.

Called by `observe_hl7` and `hl7_identity`; made once per interface, it runs for every message. It must never
guess: where a raw field does not answer alone, the general reader does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple

from collector.taps.config import Hl7Key
from collector.taps.fast_hl7 import Place, Plan, identifiers, plain, plan
from tracing.authorities import Authorities
from tracing.keys import Key, named_key, normalise_authority
from tracing.protocols.fhir_types import PRIVATE_AUTHORITIES
from tracing.protocols.hl7v2 import Assigned, Message, Path, compile_path

_EI = re.compile(r"(ORC-[2348]|OB[RX]-(2|3|28|29)|SCH-(1|2|26|27)|TXA-1[2-5]|FT1-23)(\[|\.|$)")
_REPEATING = frozenset({"order", "charge", "item", "lot"})
"""Kinds that a message may have several of, each in a segment of its own (ORC, OBR, FT1, …)."""

MRN_TYPES = frozenset(
    {"", "MR", "MRN", "MRT", "PI", "PT", "PE", "U", "ANON", "EPI", "EMPI", "MPI", "CPI", "PID", "CORP"}
)
"""Identifier types (HL7 table 0203, and what sites write for it) that are numbers of a patient's record."""

Encode = Callable[[str], bytes]


@lru_cache(maxsize=1024)
def is_record(type_: str, namespace: str = "", universal: str = "") -> bool:
    """Whether a number is a medical record's, by its type and by who assigned it.

    Social security numbers, licences, passports, numbers of insurances and accounts are not.
    """
    if type_:
        upper = type_.strip().upper()
        if upper not in MRN_TYPES and not upper.endswith("MRN") and not upper.startswith("MRN"):
            return False
    if namespace or universal:
        return PRIVATE_AUTHORITIES.isdisjoint(
            (normalise_authority(namespace), normalise_authority(universal))
        )
    return True


class Rule:
    """One configured key: where it stands, and what is made of what stands there."""

    __slots__ = (
        "_default",
        "_forced",
        "_name",
        "_pattern",
        "_types",
        "authority",
        "every",
        "kind",
        "path",
        "place",
        "whole",
    )

    def __init__(self, rule: Hl7Key, default: str, authorities: Authorities, path: str = "") -> None:
        self.path = compile_path(path or rule.path)
        self.kind = rule.kind
        self.whole = self.path.component > 1 or self.path.subcomponent > 0
        """Whether the path names the value itself, without an authority beside it."""
        self.every = self.kind == "mrn"
        self.authority = 4 if self.every or not is_ei(self.path) else 2
        """The component that names the authority: CX.4, or EI.2 of order numbers and their like."""
        self.place = Place(
            self.path, self.kind in _REPEATING and self.path.occurrence == 0 and not self.whole
        )
        self._forced = normalise_authority(rule.authority) if rule.authority else None
        self._default = normalise_authority(f"{default}:{rule.of}" if rule.of else default)
        self._types = frozenset(one.upper() for one in rule.types or ())
        self._pattern = re.compile(rule.pattern) if rule.pattern else None
        self._name = lru_cache(maxsize=256)(authorities.name)

    def read(self, message: Message) -> list[Key]:
        """The keys at the rule's place in a message of one patient."""
        if self.whole:
            value = message.value(self.path)
            found = [] if value is None else [Assigned(value, "", "", "")]
        else:
            found = message.assigned(
                self.path, self.authority, segments=self.place.of_every, repetitions=self.every
            )
        return self.keys(found)

    def keys(self, found: Iterable[Assigned]) -> list[Key]:
        """Those of the identifiers that are such keys."""
        return [key for one in found if (key := self._key(one)) is not None]

    def _key(self, found: Assigned) -> Key | None:
        value, namespace, universal, type_ = found
        if self._types:
            if type_.strip().upper() not in self._types:
                return None
        elif self.every and not is_record(type_, namespace, universal):
            return None
        if self._pattern is not None and self._pattern.fullmatch(value.strip()) is None:
            return None
        if self._forced is not None:
            authority = self._forced
        elif namespace or universal:
            authority = self._name(namespace, universal) or self._default
        else:
            authority = self._default
        return named_key(self.kind, value, authority)


class Hl7Keys:
    """The keys and tags of one interface; the plan finds `segments` as well."""

    def __init__(
        self,
        rules: Iterable[Hl7Key],
        default: str,
        authorities: Authorities,
        tags: Iterable[tuple[str, Encode]],
        segments: Iterable[bytes] = (),
    ) -> None:
        self.rules = [Rule(rule, default, authorities) for rule in rules]
        self._tags = [(compile_path(path), encode) for path, encode in tags]
        places = [rule.place for rule in self.rules] + [Place(path) for path, _ in self._tags]
        self.plan = plan(places, segments)
        self._simple = _simple(self.plan, self.rules, self._tags)

    def read(self, message: Message) -> tuple[list[Key], bytes]:
        """Keys and encoded tags; of a message about several patients, of the first."""
        first = message.groups(1)[0]
        found = [key for rule in self.rules for key in rule.read(first)]
        tags = b""
        for path, encode in self._tags:
            value = first.value(path)
            if value:
                tags = encode(value) + tags
        return found, tags

    def learn(self, fields: tuple[bytes, ...]) -> tuple[list[Key], bytes] | None:
        """The same from planned raw fields; None where that needs the general reader."""
        if self._simple is None:
            return None
        found: list[Key] = []
        for place, rule, authority in self._simple.keys:
            field = fields[place]
            if not field:
                continue
            all_of = rule.every or rule.place.of_every
            values = identifiers(field if all_of else field.partition(b"~")[0], authority)
            if values is None:
                return None
            found += rule.keys(values)
        tags = b""
        for place, encode in self._simple.tags:
            field = fields[place]
            if plain(field):
                tags = encode(field.decode("ascii")) + tags
            elif field:
                return None
        return found, tags


class _Simple(NamedTuple):
    """Rules that a raw field answers alone: its place, the rule, where an authority may be named."""

    keys: list[tuple[int, Rule, int]]
    tags: list[tuple[int, Encode]]


def _simple(made: Plan | None, rules: list[Rule], tags: list[tuple[Path, Encode]]) -> _Simple | None:
    """None where a rule asks for more than the first component of the first repetition."""
    named = [rule.path for rule in rules] + [path for path, _ in tags]
    if made is None or any(p.component > 1 or p.subcomponent or p.repetition or p.occurrence for p in named):
        return None
    return _Simple(
        [(made.place(rule.place), rule, rule.authority) for rule in rules],
        [(made.place(Place(path)), encode) for path, encode in tags],
    )


def is_ei(path: Path) -> bool:
    """Whether the standard has an entity identifier at this path, and no extended composite ID."""
    return _EI.match(f"{path.segment}-{path.field}") is not None
