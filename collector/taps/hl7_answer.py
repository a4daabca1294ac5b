"""What an acknowledgement says, read once: code, control ID, coded reason; of a batch of them, each.

Made by the MLLP tap and by replay. It must never raise, nor keep free text.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from collector.taps.fast_hl7 import accepted
from collector.taps.hops import encode_ack_code, encode_ack_size, encode_outcome
from tracing.protocols.hl7v2 import NotHL7, parse
from tracing.protocols.hl7v2_batch import is_batch, open_batch

OUTCOMES = {
    "AA": "accepted",
    "CA": "accepted",
    "AE": "error",
    "CE": "error",
    "AR": "rejected",
    "CR": "rejected",
}
COMMIT = frozenset({"CA", "CE", "CR"})
"""Codes of enhanced mode that say only that a message is received (HL7 v2.5.1 2.9.3)."""
_NONE: Mapping[str, Answer] = MappingProxyType({})


class Answer:
    """`code` MSA-1, `control_id` MSA-2, `reason` a code from ERR-3.1; all empty where it says nothing.

    `each` holds the answers of a batch by control ID; it then is, as a whole, as bad as the worst of them.
    """

    __slots__ = ("code", "control_id", "each", "payload", "reason", "size")

    def __init__(self, payload: bytes) -> None:
        self.payload = payload
        self.size = len(payload)
        self.each = _NONE
        self.reason = ""
        usual = accepted(payload)
        if usual is not None:
            self.code, self.control_id = usual
            return
        self.code = ""
        self.control_id = ""
        if is_batch(payload):
            self._open(payload)
            return
        try:
            message = parse(payload)
        except NotHL7:
            return
        self.code = message.ack_code
        self.control_id = message.ack_control_id
        if self.code not in ("AA", "CA"):
            self.reason = message.error_code

    @property
    def outcome(self) -> str:
        """`accepted`, `error`, `rejected`, or `none` for a code that is none."""
        return OUTCOMES.get(self.code, "none")

    def _open(self, payload: bytes) -> None:
        batch = open_batch(payload)
        if batch is None or not batch.messages:
            return
        answers = [Answer(message) for message in batch.messages]
        self.each = {answer.control_id: answer for answer in answers}
        worst = next((answer for answer in answers if answer.outcome != "accepted"), answers[0])
        self.code, self.reason = worst.code, worst.reason
        self.control_id = batch.refers_to or answers[0].control_id


@lru_cache(maxsize=1024)
def encode_verdict(outcome: str, size: int, code: str) -> bytes:
    """The attributes that nearly every acknowledgement adds; there are few different ones."""
    return encode_outcome(outcome) + encode_ack_size(size) + encode_ack_code(code)
