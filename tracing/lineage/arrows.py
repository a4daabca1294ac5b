"""From messages to arrows: first what systems said themselves, then what key, type and time make likely.

Sans-IO and without a clock; the same messages in any order, any of them repeated, give the same arrows.
Work grows with the number of messages times its logarithm.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final

from tracing.lineage.guess import Guesser
from tracing.lineage.model import Arrow, Basis, Message
from tracing.lineage.rules import RULES, Rule

#: Clocks of two taps may differ by so much; what a system says itself holds all the same.
SKEW: Final = timedelta(seconds=5)
#: Shorter control IDs are counters: two systems have the same one by chance.
_COUNTER: Final = 6
#: A parent chain longer than this is no chain.
_CLIMB: Final = 64
#: Of messages that look the same to the evidence, so many of the latest are looked at.
_LAST: Final = 8
_NOW: Final = timedelta(0)


def arrows(messages: Iterable[Message], rules: Sequence[Rule] = RULES) -> list[Arrow]:
    """Every arrow between the messages of one journey, by time of the effect.

    A message has as many causes as its own links name, else one at most. No message causes itself, directly
    or through others.
    """
    ordered = sorted({message.span_id: message for message in _settled(messages)}.values(), key=_place)
    told = _Told(ordered)
    guesser = Guesser(ordered, rules)
    found: list[Arrow] = []
    causes: dict[str, list[str]] = {}
    places = {message.span_id: place for place, message in enumerate(ordered)}
    backwards = False
    for message in ordered:
        said = told.of(message) or guesser.of(message)
        for arrow in said:
            back = places[arrow.cause] >= places[arrow.effect]
            backwards = backwards or back
            if backwards and _leads_back(causes, arrow):
                continue
            causes.setdefault(arrow.effect, []).append(arrow.cause)
            found.append(arrow)
    return found


def _settled(messages: Iterable[Message]) -> list[Message]:
    """Of rows that differ and claim to be the same span, the same one every time."""
    return sorted(messages, key=lambda message: (message.span_id, repr(message)))


def _place(message: Message) -> tuple[object, ...]:
    return (message.at, message.span_id)


def _leads_back(causes: dict[str, list[str]], arrow: Arrow) -> bool:
    seen, open_ones = set(), [arrow.cause]
    while open_ones:
        one = open_ones.pop()
        if one == arrow.effect:
            return True
        if one not in seen:
            seen.add(one)
            open_ones += causes.get(one, [])
    return False


class _Told:
    """What systems said: propagated context, links, the engine's own numbers, control IDs, references."""

    def __init__(self, ordered: list[Message]) -> None:
        self._spans = {message.span_id: message for message in ordered}
        self._engine: dict[str, Message] = {}
        self._controls: dict[tuple[str, str], list[Message]] = defaultdict(list)
        self._sent: dict[tuple[str, str], list[Message]] = defaultdict(list)
        self._batches: dict[str, list[Message]] = defaultdict(list)
        self._contexts: dict[tuple[str, str], list[Message]] = defaultdict(list)
        for message in ordered:
            if message.engine_message:
                self._engine.setdefault(message.engine_message, message)
            if message.control_id:
                self._controls[message.destination, message.control_id].append(message)
                self._sent[message.source, message.control_id].append(message)
            if message.batch and message.keys:
                self._batches[message.batch].append(message)
            if message.parent:
                self._contexts[message.destination, message.trace_id].append(message)

    def of(self, message: Message) -> list[Arrow]:
        """The arrows to one message that need no guess, of the best evidence there is."""
        for basis in (
            self._context,
            self._links,
            self._batch,
            self._reported,
            self._control,
            self._reference,
        ):
            if found := basis(message):
                return found
        return []

    def _context(self, message: Message) -> list[Arrow]:
        """The parent span, or one above it; else the message with the same trace on its way to the sender."""
        above, steps = message.parent, 0
        while above and steps < _CLIMB and above != message.span_id:
            parent = self._spans.get(above)
            if parent is None:
                break
            if not _inside(parent, message) and parent.interface:
                return [_arrow(parent, message, "context", 1.0, "its trace context came along")]
            above, steps = parent.parent, steps + 1
        if not message.parent:
            return []
        carried = [
            one
            for one in _before(self._contexts.get((message.source, message.trace_id)), message, _NOW)
            if not _inside(one, message)
        ]
        if not carried:
            return []
        same = [one for one in carried if one.parent == message.parent]
        if len(carried) == 1 or len(same) == 1:
            return [
                _arrow((same or carried)[-1], message, "context", 1.0, "both carry the same trace context")
            ]
        words = f"the latest of {len(carried)} messages with the same trace context"
        return [_arrow((same or carried)[-1], message, "context", 0.8, words)]

    def _links(self, message: Message) -> list[Arrow]:
        linked = [self._spans[link] for link in dict.fromkeys(message.links) if link in self._spans]
        return [
            _arrow(one, message, "link", 1.0, "it names the message it answers or was made from")
            for one in sorted(linked, key=_place)
            if one.span_id != message.span_id and not _inside(one, message) and one.at <= message.at + SKEW
        ]

    def _batch(self, message: Message) -> list[Arrow]:
        """What came in the batch that this one is about: a 999 answers the set its claims were in."""
        if not message.batch or message.keys:
            return []
        before = _before(self._batches.get(message.batch), message, SKEW)
        return [
            _arrow(one, message, "link", 1.0, "it answers the transaction set that message was in")
            for one in before
            if one.destination == message.source
        ]

    def _reported(self, message: Message) -> list[Arrow]:
        one = self._engine.get(message.engine_source) if message.engine_source else None
        if one is None or one.span_id == message.span_id:
            return []
        return [_arrow(one, message, "engine", 0.99, "the engine reports it as the source")]

    def _control(self, message: Message) -> list[Arrow]:
        """The message with the same control ID on its way to the sender: an engine that keeps MSH-10."""
        if not message.control_id:
            return []
        before = _before(self._controls.get((message.source, message.control_id)), message, SKEW)
        if not before:
            return []
        known = 0.98 if len(message.control_id) >= _COUNTER else 0.85
        # Sent again under the same control ID: the last one before it, and it is the same message anyway.
        earlier = [one for one in before if one.at <= message.at] or before[:1]
        return [_arrow(earlier[-1], message, "control_id", known, "the same control ID came in before")]

    def _reference(self, message: Message) -> list[Arrow]:
        """The message that this one refers to by its control ID: an answer that came on its own."""
        asked = message.conversation_id
        if not asked or asked == message.control_id:  # what its own acknowledgement refers to
            return []
        before = _before(self._sent.get((message.destination, asked)), message, SKEW)
        sent = [one for one in before if one.destination == message.source]
        known = 0.98 if len(asked) >= _COUNTER else 0.85
        return [
            _arrow(one, message, "reference", known, "it refers to that message's control ID")
            for one in sent[-1:]
        ]


def _before(messages: list[Message] | None, message: Message, skew: timedelta) -> list[Message]:
    """The last few of some messages, in order of time, that could have led to one."""
    if not messages:
        return []
    end = bisect_right(messages, message.at + skew, key=lambda one: one.at)
    return [one for one in messages[max(0, end - _LAST) : end] if one.span_id != message.span_id]


def _inside(outer: Message, inner: Message) -> bool:
    """Whether one is part of the other (an entry of a bundle, a claim of a file): that is no cause."""
    return outer.interface == inner.interface and outer.at <= inner.at <= outer.end


def _arrow(cause: Message, effect: Message, basis: Basis, confidence: float, evidence: str) -> Arrow:
    return Arrow(cause.span_id, effect.span_id, basis, confidence, evidence)
