"""A request that is not taken: one exception from the depth of the intake to the shell that answers.

HTTP and gRPC turn it into their own status; the text is for a person at the sender and must never quote a
value of the message.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

# The response must stay far below the 4 MiB a client need read.
_LONGEST = 1000


class Code(IntEnum):
    """google.rpc.Code, the ones used here."""

    INVALID_ARGUMENT = 3
    NOT_FOUND = 5
    RESOURCE_EXHAUSTED = 8
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14


class Refusal(Exception):
    """`http`: the HTTP status. `violations`: (field path, what is wrong). `retry_after`: seconds, or None.

    With `retry_after` the client may send the same again (OTLP specification, "Failures"), else it must not.
    """

    def __init__(
        self,
        http: int,
        code: Code,
        message: str,
        *,
        violations: Sequence[tuple[str, str]] = (),
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.http = http
        self.code = code
        self.message = message if len(message) <= _LONGEST else message[: _LONGEST - 1] + "…"
        self.violations = tuple(violations)[:100]
        self.retry_after = retry_after


def bad(message: str, *violations: tuple[str, str]) -> Refusal:
    """400 / INVALID_ARGUMENT: the same bytes will never be taken."""
    return Refusal(400, Code.INVALID_ARGUMENT, message, violations=violations)


def too_large(what: str, limit: int) -> Refusal:
    """413 / RESOURCE_EXHAUSTED without RetryInfo: to be split, not sent again."""
    return Refusal(413, Code.RESOURCE_EXHAUSTED, f"{what} is larger than {limit} bytes; send smaller batches")


def later(http: int, message: str, seconds: int) -> Refusal:
    """429 or 503 / UNAVAILABLE: not the client's fault, to be sent again."""
    return Refusal(http, Code.UNAVAILABLE, message, retry_after=seconds)
