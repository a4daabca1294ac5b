"""What probably caused a message that nobody says the cause of: key, type and time.

Called by tracing.lineage.arrows, message by message in order of time. Never more than probable.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from tracing.lineage.model import Arrow, KeyToken, Message
from tracing.lineage.rules import RULES, SAME, Rule, matches

#: More possible causes than this, and naming one of them would be a lie.
_MOST: Final = 5
#: The key of a message that has no better one; weaker, because a patient has many encounters.
_PATIENT: Final = "mrn"
_HANDED_ON, _DERIVED, _OTHER_KEY = 0.9, 0.78, 0.85
_SHARE: Final = {1: 1.0, 2: 0.6, 3: 0.45, 4: 0.35, 5: 0.3}


@dataclass(slots=True)
class _Arrivals:
    """Messages of one kind with one key that came to one system, by time."""

    times: list[datetime] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    #: By interface going out: how many of them have been handed on over it. Systems keep the order.
    handed: dict[str, int] = field(default_factory=dict)


class Guesser:
    """Knows what came to which system when; asked once for each message, oldest first."""

    def __init__(self, ordered: Sequence[Message], rules: Sequence[Rule] = RULES) -> None:
        self._rules = tuple(rules)
        self._arrived: dict[tuple[str, str], dict[str, _Arrivals]] = defaultdict(dict)
        for message in ordered:
            for key in message.keys:
                arrivals = self._arrived[message.destination, key.token].setdefault(message.kind, _Arrivals())
                arrivals.times.append(message.at)
                arrivals.messages.append(message)

    def of(self, message: Message) -> list[Arrow]:
        """The likeliest cause by the best key that it shares with anything that came to its sender."""
        for place, key in enumerate(message.keys):
            kinds = self._arrived.get((message.source, key.token))
            if kinds and (arrow := self._by_key(message, key, kinds, place == 0 and key.kind != _PATIENT)):
                return [arrow]
        return []

    def _by_key(
        self, message: Message, key: KeyToken, kinds: dict[str, _Arrivals], best: bool
    ) -> Arrow | None:
        for rule in _for_effect(self._rules, message.kind):
            if rule.cause == SAME:
                # Messages without a type (inside an engine) are not of the same type.
                arrivals = kinds.get(message.kind) if message.kind else None
                if arrivals and (arrow := _handed_on(message, key, arrivals, rule, best)):
                    return arrow
                continue
            possible = [
                arrivals
                for kind, arrivals in kinds.items()
                if kind != message.kind and matches(rule.cause, kind)
            ]
            if arrow := _derived(message, key, possible, rule, best):
                return arrow
        return None


@lru_cache(maxsize=512)
def _for_effect(rules: tuple[Rule, ...], kind: str) -> tuple[Rule, ...]:
    return tuple(rule for rule in rules if matches(rule.effect, kind))


def _handed_on(message: Message, key: KeyToken, arrivals: _Arrivals, rule: Rule, best: bool) -> Arrow | None:
    """The oldest of the same kind that has not gone out over this interface; if all have, the last again."""
    first = bisect_left(arrivals.times, message.at - rule.within)
    end = bisect_right(arrivals.times, message.at)
    while end > first and arrivals.messages[end - 1].span_id == message.span_id:
        end -= 1
    if end <= first:
        return None
    after = max(first, arrivals.handed.get(message.interface, 0))
    count = max(1, end - after)
    if (rule.sole and end - first > 1) or count > _MOST:
        return None
    again = after >= end
    place = end - 1 if again else after
    cause = arrivals.messages[place]
    if cause.span_id == message.span_id:
        return None
    arrivals.handed[message.interface] = place + 1
    words = _words(cause, message, key, count, "the same type" + (", sent again" if again else ""))
    return _arrow(cause, message, _HANDED_ON, count, best, words)


def _derived(
    message: Message, key: KeyToken, possible: Sequence[_Arrivals], rule: Rule, best: bool
) -> Arrow | None:
    """The nearest message before it of a type that can cause it."""
    nearest: Message | None = None
    tied, count = False, 0
    for arrivals in possible:
        first = bisect_left(arrivals.times, message.at - rule.within)
        end = bisect_right(arrivals.times, message.at)
        count += end - first
        for one in arrivals.messages[max(first, end - 2) : end]:
            if one.span_id == message.span_id:
                count -= 1
            elif nearest is None or one.at > nearest.at:
                nearest, tied = one, False
            elif one.at == nearest.at and one.span_id != nearest.span_id:
                tied = True
    if nearest is None or tied or count > _MOST or (rule.sole and count > 1):
        return None
    words = _words(nearest, message, key, count, "a type that leads to it")
    return _arrow(nearest, message, _DERIVED, count, best, words)


def _arrow(cause: Message, effect: Message, base: float, count: int, best: bool, evidence: str) -> Arrow:
    confidence = base * _SHARE[count] * (1.0 if best else _OTHER_KEY)
    return Arrow(cause.span_id, effect.span_id, "key", round(confidence, 2), evidence)


def _words(cause: Message, effect: Message, key: KeyToken, count: int, kind: str) -> str:
    others = "" if count == 1 else f"; one of {count} that could be"
    shared = "patient" if key.kind == _PATIENT else key.kind.replace("_", " ")
    return f"the same {shared}, {kind}, {_spoken(effect.at - cause.at)} before{others}"


def _spoken(gap: timedelta) -> str:
    seconds = gap.total_seconds()
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
