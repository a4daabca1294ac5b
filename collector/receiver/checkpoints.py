"""Checkpoints: a system that can send a JSON document says "this happened", without any OpenTelemetry.

Called by the HTTP shell for `POST /v1/checkpoints`. Keys become tokens and sealed values at once, and the
result is a span like a tap's, so everything behind the log is the same. Error texts must never quote a value:
an identifier that was put into the wrong field would end up in the sender's log.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from collector.receiver.refusal import bad
from collector.receiver.validate import Checked
from tracing import attributes, spans
from tracing.context import span_id
from tracing.keys import KINDS, Sealer, best, business_key, format_reference, priority

MOST = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Name = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]
ShortCode = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.^-]{1,64}$")]
Suffix = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,64}$")]
Kind = Literal[
    "visit",
    "account",
    "order",
    "claim",
    "case",
    "purchase_order",
    "journal",
    "remittance",
    "requisition",
    "appointment",
    "charge",
    "invoice",
    "shipment",
    "document",
    "inquiry",
    "mrn",
    "item",
    "lot",
    "request",
]
Outcome = Literal["accepted", "partial", "rejected", "error", "timeout", "mismatched", "none"]
assert Kind.__args__ == KINDS  # type: ignore[attr-defined]
assert Outcome.__args__ == attributes.OUTCOMES  # type: ignore[attr-defined]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class CheckpointKey(_Strict):
    """One business key in plain text; it leaves this module only as token and sealed value."""

    kind: Kind
    authority: Annotated[str, Field(max_length=128)] = ""
    value: Annotated[str, Field(min_length=1, max_length=256)]


class Checkpoint(_Strict):
    """What happened (`message`), where (`interface`, `source`, `destination`), when (`at`), to whom (`keys`).

    `id` tells two checkpoints apart that are equal otherwise, and lets the same one be sent again: what has
    the same interface, id and time is stored once. Without it, equal documents are the same checkpoint.
    """

    interface: Name
    source: Name
    destination: Name
    message: Annotated[str, Field(max_length=64)] = ""
    outcome: Outcome = "accepted"
    at: AwareDatetime
    keys: Annotated[list[CheckpointKey], Field(min_length=1, max_length=16)]
    id: Annotated[str, Field(max_length=256)] = ""
    facility: Annotated[str, Field(max_length=128)] = ""
    reason: ShortCode | None = None
    attributes: dict[Suffix, ShortCode] = Field(default_factory=dict)
    measures: dict[Suffix, float] = Field(default_factory=dict)


_Many = TypeAdapter(Annotated[list[Checkpoint], Field(min_length=1, max_length=MOST)])


@dataclass(frozen=True, slots=True)
class Taken:
    """`checked`: the spans as an OTLP body. `answer`: the JSON for the client."""

    checked: Checked
    answer: bytes


class Checkpoints:
    """Turns documents into spans with the keys of one site."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def read(self, body: bytes) -> Taken:
        """One checkpoint or an array of up to 1,000, all or none. Raises Refusal (400)."""
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            raise bad("the body is not JSON") from None
        single = isinstance(document, dict)
        try:
            found = _Many.validate_json(b"[" + body + b"]" if single else body)
        except ValidationError as error:
            violations = [
                (_place(fault["loc"], single), fault["msg"])
                for fault in error.errors(include_url=False, include_context=False, include_input=False)
            ]
            raise bad(f"{violations[0][0]}: {violations[0][1]}", *violations) from None
        bodies: list[bytes] = []
        identities: list[dict[str, str]] = []
        for index, checkpoint in enumerate(found):
            encoded, trace, span = self._encode(checkpoint, "" if single else f"[{index}].")
            bodies.append(encoded)
            identities.append({"trace_id": trace, "span_id": span})
        answer = identities[0] if single else {"checkpoints": identities}
        return Taken(Checked(b"".join(bodies), len(bodies)), json.dumps(answer).encode())

    def _encode(self, checkpoint: Checkpoint, place: str) -> tuple[bytes, str, str]:
        """An ExportTraceServiceRequest with one span, its trace id and its span id in hex."""
        keys = []
        for number, given in enumerate(checkpoint.keys):
            key = business_key(given.kind, given.value, given.authority)
            if key is None:
                field = f"{place}keys[{number}].value"
                raise bad(f"{field}: no identifier", (field, "empty, or the HL7 null"))
            keys.append(key)
        root = best(keys)
        if root is None:
            field = f"{place}keys"
            wanted = "at least one key of a kind other than mrn, which alone does not name a journey"
            raise bad(f"{field}: expected {wanted}", (field, f"expected {wanted}"))
        keys = sorted(dict.fromkeys(keys), key=lambda key: priority(key.kind))
        since = checkpoint.at - _EPOCH
        at_ns = ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1000
        if at_ns < 0:
            raise bad(f"{place}at: before 1970", (f"{place}at", "before 1970"))
        identity = checkpoint.id.encode() or hashlib.sha256(checkpoint.model_dump_json().encode()).digest()
        trace = bytes.fromhex(self._sealer.token(root))
        span = span_id(self._sealer.site_key, checkpoint.interface, b"checkpoint|" + identity, at_ns)
        known: list[tuple[str, spans.AttributeValue | None]] = [
            (attributes.OPERATION_NAME, "receive"),
            (attributes.MESSAGE_ID, checkpoint.id),
            (attributes.MESSAGE, checkpoint.message),
            (attributes.OUTCOME, checkpoint.outcome),
            (attributes.REASON, checkpoint.reason),
            *((attributes.TAG + name, code) for name, code in checkpoint.attributes.items()),
            *((attributes.MEASURE + name, number) for name, number in checkpoint.measures.items()),
            (
                attributes.KEYS,
                [format_reference(key.kind, key.authority, self._sealer.token(key)) for key in keys],
            ),
            (attributes.KEYS_SEALED, [self._sealer.seal(key) for key in keys]),
        ]
        failed = checkpoint.outcome in attributes.FAILED_OUTCOMES
        encoded = spans.span(
            trace,
            span,
            f"receive {checkpoint.interface}".encode(),
            spans.KIND_CONSUMER,
            at_ns,
            at_ns,
            b"".join(
                spans.attribute(name, value) for name, value in known if value is not None and value != ""
            ),
            status=spans.STATUS_ERROR if failed else spans.STATUS_UNSET,
        )
        facts: dict[str, spans.AttributeValue] = {
            attributes.INTERFACE: checkpoint.interface,
            attributes.SOURCE: checkpoint.source,
            attributes.DESTINATION: checkpoint.destination,
            attributes.SYSTEM: "http",
        }
        if checkpoint.facility:
            facts[attributes.FACILITY] = checkpoint.facility
        scope = spans.scope_spans(spans.scope("caretrail.checkpoint", "", facts), encoded)
        service = spans.resource({attributes.SERVICE_NAME: "caretrail-collector"})
        return spans.export_request(service, scope), trace.hex(), span.hex()


def _place(location: tuple[int | str, ...], single: bool) -> str:
    """`keys[0].kind`, or `[3].keys[0].kind` in an array."""
    path = ""
    for part in location[1:] if single else location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path or "the document"
