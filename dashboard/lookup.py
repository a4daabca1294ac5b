"""From what somebody heard on the phone to encounters: bare numbers become the tokens they may be.

Called by the search box and the REST searches. Must never log, store or echo what was searched for: an answer
names a value by its place in the list.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from datetime import datetime

from dashboard.source import Source
from slo.workflows.messages import QUARANTINED
from slo.workflows.search import CONTROL_ID, SPAN_ID, TRACE_ID, Match
from tracing.keys import Key, Sealer

MOST_VALUES = 200
LONGEST = 128
_SEPARATORS = re.compile(r"[\r\n\t,;]+")
_TOKEN = re.compile(r"[0-9a-f]{32}\Z")
_SPAN = re.compile(r"[0-9a-f]{16}\Z")
# W3C Trace Context, traceparent: version, trace ID, parent ID, flags.
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}\Z")


@dataclass(frozen=True, slots=True)
class Hit:
    """A match, and the place of its value in the list (from 0)."""

    position: int
    match: Match


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a search came to. values: how many were looked for; left_out: how many were too many."""

    values: int
    hits: list[Hit]
    left_out: int = 0

    @property
    def journeys(self) -> list[str]:
        """The journeys found, each once, those of the first value first."""
        return list(dict.fromkeys(hit.match.journey for hit in self.hits if hit.match.journey))

    def of_nobody(self, known: Set[str]) -> list[Hit]:
        """Hits of values that lead to none of the `known` journeys: a placeholder, or a key kept apart."""
        led = {hit.position for hit in self.hits if hit.match.journey in known}
        return [hit for hit in self.hits if hit.position not in led and hit.match.certainty == QUARANTINED]

    @property
    def not_found(self) -> list[int]:
        """The places of values that nothing is known by."""
        known = {hit.position for hit in self.hits}
        return [position for position in range(self.values) if position not in known]


def split(text: str) -> list[str]:
    """The values of a pasted list: one a line, or with tabs, commas or semicolons between; each once."""
    return list(dict.fromkeys(part for each in _SEPARATORS.split(text) if (part := each.strip())))


def candidates(
    value: str,
    kind: str | None,
    authorities: Iterable[tuple[str, str]],
    sealer: Sealer | None,
) -> list[str]:
    """The tokens that `value` can stand for: under every authority of every kind seen (or of `kind` only), as
    the site's rules write it, as it is written, and in capitals. A value that is itself a token counts too.

    A whole CX (HL7 v2.5.1 2.A.14, `100023^^^NSH^MR`) is read for its number and its authority.
    """
    wanted, whose = _number(value, sealer)
    if not wanted or len(wanted) > LONGEST:
        return []
    tokens = [wanted.lower()] if _TOKEN.match(wanted.lower()) else []
    if sealer is not None:
        tokens += [
            token
            for each, authority in authorities
            if kind in (None, "", each) and (not whose or authority.partition(":")[0] == whose)
            for written in sealer.authorities.spellings(each, wanted)
            for token in sealer.tokens(Key(each, authority, written))
        ]
    return list(dict.fromkeys(tokens))


def search(
    source: Source,
    sealer: Sealer | None,
    values: Sequence[str],
    now: datetime,
    kind: str | None = None,
) -> Outcome:
    """Everything that `values` lead to; raises StoreError. The first 200 are looked for.

    kind: a kind of key, `trace_id`, `span_id` or `control_id`; every kind when left out.
    """
    looked = list(values)[:MOST_VALUES]
    where: dict[str, list[int]] = defaultdict(list)
    tokens: set[str] = set()
    traces: set[str] = set()
    names: set[str] = set()
    spans: set[str] = set()
    seen = source.authorities() if sealer is not None else []
    for position, value in enumerate(looked):
        mine: set[str] = set()
        if kind not in (TRACE_ID, SPAN_ID, CONTROL_ID):
            found = candidates(value, kind, seen, sealer)
            tokens.update(found)
            mine.update(found)
        if kind in (None, "", TRACE_ID) and (trace := _trace(value)):
            traces.add(trace)
            mine.add(trace)
        if kind in (None, "", CONTROL_ID) and len(name := value.strip()) <= LONGEST:
            written = {name, name.upper()}
            names |= written
            mine |= written
        if kind in (None, "", SPAN_ID) and _SPAN.match(span := value.strip().lower()):
            spans.add(span)
            mine.add(span)
        for asked in mine:
            where[asked].append(position)
    matches = source.search(
        sorted(tokens), now, traces=sorted(traces), control_ids=sorted(names), span_ids=sorted(spans)
    )
    hits = [Hit(position, match) for match in matches for position in where[match.asked]]
    hits.sort(key=lambda hit: hit.position)
    return Outcome(len(looked), hits, len(values) - len(looked))


def _number(value: str, sealer: Sealer | None) -> tuple[str, str]:
    """The number and, when it is a whole CX, its assigning authority."""
    parts = value.strip().split("^")
    if len(parts) < 4 or sealer is None:
        return parts[0].strip(), ""
    namespace, _, universal = parts[3].partition("&")
    return parts[0].strip(), sealer.authorities.name(namespace, universal.partition("&")[0])


def _trace(value: str) -> str:
    wanted = value.strip().lower()
    if within := _TRACEPARENT.match(wanted):
        return within[1]
    return wanted if _TOKEN.match(wanted) else ""
