"""What a replay found: messages, spans, keys, and what belongs to no encounter.

Called by `load`, as the sink of its observers: it reads what was recorded, so that it says what the store
will know and nothing else. It must never keep a value, only tokens and control numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans, Span

from collector.taps.hops import Sink
from tracing import attributes as names
from tracing.keys import SEARCH_ONLY, parse_reference

MOST_NAMED: Final = 10_000
_MESSAGES: Final = ("receive", "forward")
_WEAK: Final = SEARCH_ONLY | {"order", "document"}
"""Kinds that find an encounter only when another message names it with them."""


class Place(NamedTuple):
    """Where in the archives; `where` is `byte 106` or `line 3`."""

    file: str
    where: str


class Named(NamedTuple):
    """A message that was read, and names no encounter itself."""

    place: Place
    control_id: str
    message: str
    tokens: tuple[str, ...]


@dataclass
class Tally:
    """Counts of one replay, and the sink they are taken at.

    `where` says what is being recorded; it is asked while that is handed over. `forward` is the next sink,
    None for a dry run.
    """

    forward: Sink | None = None
    where: Callable[[], Place] = lambda: Place("", "")
    messages: int = 0
    spans: int = 0
    unread: int = 0
    first_ns: int = 0
    last_ns: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    journeys: set[bytes] = field(default_factory=set)
    _loose: list[Named] = field(default_factory=list)
    _tied: set[str] = field(default_factory=set)
    more_loose: int = 0

    def append(self, scope: bytes, encoded: bytes, count: int = 1) -> bool:
        """Count spans and hand them on."""
        for span in ScopeSpans.FromString(encoded).spans:
            self._count(span)
        return self.forward.append(scope, encoded, count) if self.forward is not None else True

    def without_encounter(self) -> list[Named]:
        """Messages that name no encounter, nor a patient or order that another message names one for.

        The first `MOST_NAMED`; `more_loose` counts those beyond.
        """
        return [one for one in self._loose if not self._tied.intersection(one.tokens)]

    def _count(self, span: Span) -> None:
        found = {attribute.key: attribute.value for attribute in span.attributes}
        self.spans += 1
        if names.UNREAD in found:
            count = found.get(names.UNREAD_COUNT)
            self.unread += count.int_value if count is not None else 1
            return
        start = span.start_time_unix_nano
        self.first_ns = min(self.first_ns or start, start)
        self.last_ns = max(self.last_ns, start)
        is_message = _text(found, names.OPERATION_NAME) in _MESSAGES
        if is_message:
            self.messages += 1
            self.kinds[_text(found, names.MESSAGE) or "?"] += 1
            self.outcomes[_text(found, names.OUTCOME) or "none"] += 1
        keys = found.get(names.KEYS)
        references = [parse_reference(one.string_value) for one in keys.array_value.values] if keys else []
        if any(kind not in SEARCH_ONLY for kind, _, _ in references):
            self.journeys.add(bytes(span.trace_id))
        weak = tuple(token for kind, _, token in references if kind in _WEAK)
        if len(weak) < len(references):
            self._tied.update(weak)
        elif is_message and not span.links:
            self._is_loose(
                Named(self.where(), _text(found, names.MESSAGE_ID), _text(found, names.MESSAGE), weak)
            )

    def _is_loose(self, one: Named) -> None:
        if self._tied.intersection(one.tokens):
            return
        if len(self._loose) >= MOST_NAMED:
            self._loose = self.without_encounter()
        if len(self._loose) < MOST_NAMED:
            self._loose.append(one)
        else:
            self.more_loose += 1


def _text(found: dict[str, AnyValue], name: str) -> str:
    value = found.get(name)
    return value.string_value if value is not None else ""
