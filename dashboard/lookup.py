"""From what somebody heard on the phone to encounters: a bare number becomes the tokens it may be.

Called by the search box and `POST /api/v1/journeys/search`. Must never log, store or echo what was searched
for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from dashboard.source import Source
from slo.workflows.rows import Found
from tracing.keys import Key, Sealer

_TOKEN = re.compile(r"[0-9a-f]{32}\Z")
_LONGEST = 128


def candidates(
    value: str, kind: str | None, authorities: Iterable[tuple[str, str]], sealer: Sealer | None
) -> list[str]:
    """The tokens that `value` can stand for: under every authority of every kind seen (or of `kind` only),
    as it is written and in capitals. A value that is itself a token or a trace ID (32 hex digits)
    counts too.
    """
    wanted = value.strip()
    if not wanted or len(wanted) > _LONGEST:
        return []
    tokens: list[str] = []
    if _TOKEN.match(wanted.lower()):
        tokens.append(wanted.lower())
    if sealer is not None:
        spellings = dict.fromkeys((wanted, wanted.upper()))
        tokens += [
            token
            for each, authority in authorities
            if kind in (None, "", each)
            for spelling in spellings
            for token in sealer.tokens(Key(each, authority, spelling))
        ]
    return list(dict.fromkeys(tokens))


def find(source: Source, sealer: Sealer | None, value: str, kind: str | None) -> list[Found]:
    """The journeys behind `value`, certain ones first, each once; raises StoreError."""
    tokens = candidates(value, kind, source.authorities(), sealer)
    if not tokens:
        return []
    by_journey: dict[str, Found] = {}
    for found in source.find(tokens):
        known = by_journey.get(found.journey)
        if known is None or (known.certainty != "certain" and found.certainty == "certain"):
            by_journey[found.journey] = found
    return sorted(by_journey.values(), key=lambda found: found.certainty != "certain")
