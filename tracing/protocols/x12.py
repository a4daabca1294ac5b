"""X12 for health care: read interchanges and claims, write interchanges.

The one module others import; the work is in `x12_envelope`, `x12_claims`, `x12_parts` and `x12_write`.
Control numbers of a file that passes through are read, never changed.
"""

from tracing.protocols.x12_claims import (
    Claim,
    FunctionalAcknowledgement,
    SetAcknowledgement,
    claims,
    functional_acknowledgement,
)
from tracing.protocols.x12_envelope import (
    Interchange,
    InterchangeAcknowledgement,
    Segment,
    Separators,
    Transaction,
    X12Error,
    interchanges,
    parts,
)
from tracing.protocols.x12_parts import Part, Summary, answered_interchange, describe
from tracing.protocols.x12_write import OutgoingTransaction, UnwritableError, write_interchange

__all__ = [
    "Claim",
    "FunctionalAcknowledgement",
    "Interchange",
    "InterchangeAcknowledgement",
    "OutgoingTransaction",
    "Part",
    "Segment",
    "Separators",
    "SetAcknowledgement",
    "Summary",
    "Transaction",
    "UnwritableError",
    "X12Error",
    "answered_interchange",
    "claims",
    "describe",
    "functional_acknowledgement",
    "interchanges",
    "parts",
    "write_interchange",
]
