"""One spelling for each key of a site: aliases of authorities, rules for values, what is no number at all.

Used by every tap before keys become tokens, and by search before what somebody typed does: only what both
write alike is found. Made once from the settings; without settings, everything stays as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from tracing.blanks import NEVER_BLANK, is_blank
from tracing.identity_settings import IdentitySettings, Rule
from tracing.keys import Key, business_key, normalise_authority

BLANK = "blank"
"""Why a key is doubtful: it is no number."""
_SEPARATORS = re.compile(r"[\s./_\-\u2010-\u2015]+")
_NOT_DIGITS = re.compile(r"[^0-9]+")

_RULES: Mapping[Rule, Callable[[str], str]] = MappingProxyType(
    {
        "upper": str.upper,
        "digits_only": lambda value: _NOT_DIGITS.sub("", value),
        "drop_separators": lambda value: _SEPARATORS.sub("", value),
        "strip_leading_zeros": lambda value: value.lstrip("0") or value[-1:],
        "drop_check_digit": lambda value: value[:-1],
    }
)


class Authorities:
    """What the settings say about keys. Immutable, for any number of threads."""

    def __init__(self, settings: IdentitySettings | None = None) -> None:
        settings = settings or IdentitySettings()
        self._aliases = {
            normalise_authority(other): normalise_authority(name)
            for name, others in settings.authorities.items()
            for other in (name, *others)
        }
        self._rules: dict[str, tuple[Callable[[str], str], ...]] = {
            kind: tuple(_RULES[rule] for rule in rules) for kind, rules in settings.normalise.items()
        }
        self._accepted = {(one.kind, self.value(one.kind, one.value.strip())) for one in settings.accept}

    def name(self, namespace: str | None, universal: str | None = None) -> str:
        """The authority an HD names (HL7 v2.5.1 2.A.33): by an alias of either part, else namespace or ID."""
        first, second = normalise_authority(namespace or ""), normalise_authority(universal or "")
        return self._aliases.get(first) or self._aliases.get(second) or first or second

    def authority(self, name: str) -> str:
        """The name to use of an authority; an addition behind a colon (`NSH:FILLER`) stays."""
        return self._named(normalise_authority(name))

    def _named(self, name: str) -> str:
        found = self._aliases.get(name)
        if found is None and ":" in name:
            whose, _, addition = name.rpartition(":")
            found = f"{self._aliases[whose]}:{addition}" if whose in self._aliases else None
        return name if found is None else found

    def value(self, kind: str, value: str) -> str:
        """A value as every source would write it; a rule that would leave nothing is left out."""
        for rule in self._rules.get(kind, ()):
            value = rule(value) or value
        return value

    def canonical(self, key: Key) -> Key:
        """The key by its authority's one name, its value normalised: what tokens are made of.

        Once only: a check digit can be dropped again.
        """
        if not (self._aliases or self._rules):
            return key
        authority = self._named(key.authority) if self._aliases else key.authority
        value = self.value(key.kind, key.value) if key.kind in self._rules else key.value
        return Key(key.kind, authority, value)

    def key(self, kind: str, value: str | None, authority: str | None, default: str = "") -> Key | None:
        """`business_key` in its one spelling."""
        found = business_key(kind, value, authority, default)
        return None if found is None else self.canonical(found)

    def spellings(self, kind: str, value: str) -> tuple[str, ...]:
        """The values to look for when somebody typed `value`: normalised, then as typed and in capitals.

        What was recorded before a rule came is found as it was written then.
        """
        typed = value.strip()
        return tuple(dict.fromkeys((self.value(kind, typed), typed, typed.upper())))

    def doubt(self, key: Key) -> str:
        """Why this (canonical) key does not say whose it is: `BLANK`; "" if nothing speaks against it."""
        if not is_blank(key.value) or key.kind in NEVER_BLANK or (key.kind, key.value) in self._accepted:
            return ""
        return BLANK
