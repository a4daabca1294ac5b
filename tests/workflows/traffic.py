"""Spans as the taps write them, in one line each, for tests of identity and workflows together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from slo.workflows.judge import Seen
from tracing.keys import KINDS
from tracing.store import Store

#: A Monday morning in New York, in a week without a holiday.
MONDAY = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)

_COLUMNS = (
    "trace_id",
    "span_id",
    "start",
    "duration_ns",
    "interface",
    "source",
    "destination",
    "facility",
    "system",
    "message",
    "operation",
    "outcome",
    "ack_code",
    "reason",
    "key_kinds",
    "key_tokens",
    "key_authorities",
    "key_seals",
    "control_id",
    "tags",
    "measures",
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Span:
    """A message on an interface; `keys` are written `visit:1` and stand for their tokens."""

    seen: Seen
    keys: tuple[str, ...]
    measures: dict[str, float] = field(default_factory=dict)

    @property
    def span_id(self) -> str:
        return hashlib.sha256(repr((self.seen, self.keys)).encode()).hexdigest()[:16]

    @property
    def tokens(self) -> list[str]:
        return [token_of(key) for key in self.keys]

    @property
    def best(self) -> str:
        return token_of(min(self.keys, key=lambda key: KINDS.index(key.split(":")[0])))


def token_of(key: str) -> str:
    """A token as a tap would give it: 32 hexadecimal digits."""
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def insert(store: Store, spans: Iterable[Span]) -> None:
    """Store spans in one insert; everything behind hangs on the views."""
    spans = list(spans)
    rows = []
    for span in spans:
        seen = span.seen
        rows.append(
            (
                span.best,
                span.span_id,
                seen.sent,
                round((seen.acknowledged - seen.sent) / timedelta(microseconds=1)) * 1000,
                seen.interface,
                seen.source,
                seen.destination,
                seen.facility,
                "hl7v2",
                seen.message,
                seen.operation,
                seen.outcome,
                seen.ack_code,
                seen.reason,
                [key.split(":")[0] for key in span.keys],
                span.tokens,
                # Numbers with an F in front are the filler's.
                ["NSH:FILLER" if "-F" in key else "NSH" for key in span.keys],
                [f"sealed {key}" for key in span.keys],
                seen.identity,
                dict(seen.tags),
                span.measures,
            )
        )
    store.insert("spans_in", _COLUMNS, rows)


def at(minutes: float, start: datetime = MONDAY) -> datetime:
    """A moment in minutes after Monday's start, in whole milliseconds."""
    return start + timedelta(milliseconds=round(minutes * 60_000))


def _span(
    keys: Sequence[str], minutes: float, answered_after: float, outcome: str, start: datetime, **more: object
) -> Span:
    seen = Seen(at(minutes, start), at(minutes + answered_after, start), outcome=outcome)
    return Span(replace(seen, **more), tuple(keys))  # type: ignore[arg-type]


def discharge(
    visit: str,
    minutes: float = 0,
    *,
    account: str = "",
    outcome: str = "accepted",
    patient_class: str = "I",
    message: str = "ADT^A03",
    facility: str = "NSH",
    answered_after: float = 0.01,
    start: datetime = MONDAY,
) -> Span:
    """The EHR tells the engine of a discharge (or cancels it, with ADT^A13)."""
    keys = [f"visit:{visit}"] if visit else []
    return _span(
        [*keys, f"account:{account or visit}"],
        minutes,
        answered_after,
        outcome,
        start,
        interface="ehr-adt",
        source="ehr",
        destination="engine",
        message=message,
        facility=facility,
        ack_code={"accepted": "AA", "rejected": "AR", "error": "AE"}.get(outcome, ""),
        tags={"patient_class": patient_class} if patient_class else {},
    )


def charge(
    visit: str, minutes: float, *, outcome: str = "accepted", start: datetime = MONDAY, account: str = ""
) -> Span:
    """The engine tells billing of the charge."""
    return _span(
        [f"visit:{visit}", f"account:{account or visit}"],
        minutes,
        0.01,
        outcome,
        start,
        interface="billing-adt-dft",
        source="engine",
        destination="billing",
        message="DFT^P03",
    )


def journal(
    account: str, minutes: float, *, outcome: str = "accepted", reason: str = "", start: datetime = MONDAY
) -> Span:
    """The engine posts the journal in the ERP."""
    return _span(
        [f"account:{account}"],
        minutes,
        0.02,
        outcome,
        start,
        interface="erp-journals",
        source="engine",
        destination="erp",
        operation="POST /journals",
        ack_code={"accepted": "201", "rejected": "422", "error": "500"}.get(outcome, ""),
        reason=reason,
    )


def claim(account: str, minutes: float, *, start: datetime = MONDAY) -> Span:
    """Billing writes the claim."""
    return _span(
        [f"account:{account}", f"claim:{account}"],
        minutes,
        0,
        "accepted",
        start,
        interface="claims-out",
        source="billing",
        destination="clearinghouse",
        message="837",
    )


def whole(visit: str, start: datetime = MONDAY) -> list[Span]:
    """A discharge on which everything goes well: three minutes, twenty minutes, a day."""
    return [
        discharge(visit, start=start),
        charge(visit, 3, start=start),
        journal(visit, 20, start=start),
        claim(visit, 24 * 60, start=start),
    ]
