"""What lineage reads of a message and what it says: plain frozen rows, made and used by tracing.lineage.

All times are aware UTC datetimes. Neither row holds a business key's value, only tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

#: What an arrow rests on, the best evidence first.
Basis = Literal["context", "link", "engine", "control_id", "reference", "key"]
Certainty = Literal["certain", "probable", "possible"]


class KeyToken(NamedTuple):
    """A key of a message: its kind (`visit`) and its keyed token."""

    kind: str
    token: str


@dataclass(frozen=True, slots=True)
class Message:
    """One hop, as far as it can tell what caused it.

    kind: HL7 message type, X12 transaction or `METHOD /route`, "" when the hop names none. keys: those that
    glue, best first, or the patient's where none does. parent and links are span IDs; conversation_id is what
    the message or its answer refers to (MSA-2, or the X12 control numbers); engine_message and engine_source
    are `channel:number` of an integration engine. batch: of the set the message came in, or is about when it
    names no key.
    """

    span_id: str
    trace_id: str
    at: datetime
    end: datetime
    interface: str
    source: str
    destination: str
    kind: str = ""
    control_id: str = ""
    conversation_id: str = ""
    parent: str = ""
    links: tuple[str, ...] = ()
    keys: tuple[KeyToken, ...] = ()
    engine_message: str = ""
    engine_source: str = ""
    batch: str = ""


@dataclass(frozen=True, slots=True)
class Arrow:
    """`cause` led to `effect` (span IDs). confidence: 0 to 1; evidence: words for a person, no identifier."""

    cause: str
    effect: str
    basis: Basis
    confidence: float
    evidence: str

    @property
    def certainty(self) -> Certainty:
        """The confidence as a word: certain only where a system said so itself."""
        if self.confidence >= 0.95:
            return "certain"
        return "probable" if self.confidence >= 0.65 else "possible"
