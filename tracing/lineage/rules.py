"""Which kinds of messages can cause which others, and how soon: data, tried in order, first match wins.

Used where no system says what caused a message and only key, type and time remain. Others may be passed to
`tracing.lineage.arrows`. Patterns are a whole kind (`ADT^A03`), a family (`ADT^*`, `POST *`) or `*`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final, NamedTuple

#: In place of a cause: the same kind of message as the effect, that is, a message handed on.
SAME: Final = "="

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class Rule(NamedTuple):
    """An effect may follow its cause `within` a time; `sole`: only where just one message could be it."""

    cause: str
    effect: str
    within: timedelta
    sole: bool = False


RULES: Final[tuple[Rule, ...]] = (
    # Handed on: engines do it in moments, or when the receiver is back.
    Rule(SAME, "*", 15 * _MINUTE),
    Rule(SAME, "*", _DAY, sole=True),
    # Answers that come as messages of their own.
    Rule("837", "999", 2 * _DAY),
    Rule("837", "277CA", 5 * _DAY),
    Rule("837", "835", 90 * _DAY),
    Rule("270", "271", 5 * _MINUTE),
    Rule("276", "277", 2 * _DAY),
    Rule("850", "855", 2 * _DAY),
    Rule("850", "856", 30 * _DAY),
    Rule("850", "810", 60 * _DAY),
    Rule("ORM^*", "ORU^*", 14 * _DAY),
    Rule("OML^*", "ORU^*", 14 * _DAY),
    Rule("OMG^*", "ORU^*", 14 * _DAY),
    Rule("OMI^*", "ORU^*", 14 * _DAY),
    Rule("RDE^*", "RDS^*", 2 * _DAY),
    # Money follows care.
    Rule("ADT^A03", "DFT^*", _HOUR),
    Rule("ORU^*", "DFT^*", _DAY),
    Rule("ORM^*", "DFT^*", _DAY),
    Rule("ADT^*", "DFT^*", 15 * _MINUTE),
    Rule("ADT^*", "BAR^*", _HOUR),
    Rule("DFT^*", "837", 10 * _DAY),
    Rule("BAR^*", "837", 10 * _DAY),
    Rule("ADT^A03", "837", 10 * _DAY),
    # What an engine or an application tells an API.
    Rule("DFT^*", "POST *", _HOUR),
    Rule("ADT^A03", "POST *", _HOUR),
    Rule("ADT^*", "POST *", 15 * _MINUTE),
    Rule("ADT^*", "PUT *", 15 * _MINUTE),
    Rule("ORM^*", "POST *", _HOUR),
    Rule("ORU^*", "POST *", _HOUR),
    Rule("SIU^*", "POST *", _HOUR),
    Rule("POST *", "POST *", 15 * _MINUTE),
    Rule("PUT *", "PUT *", 15 * _MINUTE),
    # Appointments become registrations, and any event may become an update.
    Rule("SIU^*", "ADT^A04", _DAY),
    Rule("SIU^*", "ADT^A05", _DAY),
    Rule("ADT^*", "ADT^A08", 5 * _MINUTE),
    Rule("ADT^*", "ADT^A31", 5 * _MINUTE),
    # Inside an engine messages have no type.
    Rule("*", "", _MINUTE),
    Rule("", "*", _MINUTE),
)


def matches(pattern: str, kind: str) -> bool:
    """Whether a kind of message falls under a pattern. A kind that is empty is matched by "" and "*" only."""
    if pattern in ("*", kind):
        return True
    return pattern.endswith("*") and bool(kind) and kind.startswith(pattern[:-1])
