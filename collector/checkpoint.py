"""A checkpoint: a system that has no message to tap says "this happened", and it becomes a span like a tap's.

Called by the receiver for documents that are posted, and by the client where the site key is at hand, so that
nothing readable leaves the machine. Error texts must never quote a value: an identifier that was put into the
wrong field would end up in a log.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from tracing import attributes, spans
from tracing.context import message_trace_id, span_id
from tracing.documents import nearest
from tracing.keys import KINDS, Sealer, best, format_reference, priority

MOST = 1000
SCRIPT, HERE = "script", "caretrail"
"""Source and destination of a checkpoint that names a workflow and a step, unless it names them."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_END = datetime(2200, 1, 1, tzinfo=UTC)

Name = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]
ShortCode = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.^-]{1,64}$")]
Suffix = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,64}$")]


def _among(words: tuple[str, ...]) -> AfterValidator:
    def check(word: str) -> str:
        if word not in words:
            raise ValueError(f"is none of {', '.join(words)}{nearest(word, words)}")
        return word

    return AfterValidator(check)


Kind = Annotated[str, _among(KINDS), Field(json_schema_extra={"enum": list(KINDS)})]
Outcome = Annotated[
    str, _among(attributes.OUTCOMES), Field(json_schema_extra={"enum": list(attributes.OUTCOMES)})
]


class CheckpointError(ValueError):
    """A document that is no checkpoint. `violations`: (field, what is wrong), at least one."""

    def __init__(self, *violations: tuple[str, str]) -> None:
        super().__init__(f"{violations[0][0]}: {violations[0][1]}")
        self.violations = violations


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class CheckpointKey(_Strict):
    """One business key in plain text; it becomes a token and a sealed value before it goes anywhere."""

    kind: Kind
    authority: Annotated[str, Field(max_length=128)] = ""
    value: Annotated[str, Field(min_length=1, max_length=256)]


class Checkpoint(_Strict):
    """What happened (`message`), where (`interface`, `source`, `destination`), when (`at`), to whom (`keys`).

    `workflow` and `step` are a short way to say it: they are the interface and the message, between a script
    and Caretrail, and a step of that workflow matches them by `{interface: WORKFLOW, message: STEP}`.

    `id` tells two checkpoints apart that are equal otherwise, and lets the same one be sent again: what has
    the same interface, id and time is stored once. Without it, equal documents are the same checkpoint.
    """

    workflow: Name | None = None
    step: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")] | None = None
    interface: Name
    source: Name
    destination: Name
    message: Annotated[str, Field(max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    outcome: Outcome = "accepted"
    at: AwareDatetime
    keys: Annotated[list[CheckpointKey], Field(min_length=1, max_length=16)]
    id: Annotated[str, Field(max_length=256)] = ""
    facility: Annotated[str, Field(max_length=128)] = ""
    reason: ShortCode | None = None
    attributes: dict[Suffix, ShortCode] = Field(default_factory=dict)
    measures: dict[Suffix, FiniteFloat] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _short_way(cls, given: Any) -> Any:
        if not isinstance(given, dict) or not (given.get("workflow") or given.get("step")):
            return given
        if not (given.get("workflow") and given.get("step")):
            raise ValueError("workflow and step go together")
        short = {"interface": given["workflow"], "message": given["step"]}
        return short | {"source": SCRIPT, "destination": HERE} | given


_Many = TypeAdapter(Annotated[list[Checkpoint], Field(min_length=1, max_length=MOST)])


@dataclass(frozen=True, slots=True)
class Encoded:
    """`body`: an ExportTraceServiceRequest; `identities`: (trace id, span id) in hex, in order; `single`."""

    body: bytes
    identities: tuple[tuple[str, str], ...]
    single: bool

    @property
    def answer(self) -> dict[str, Any]:
        """What the sender is told: the two ids, or `checkpoints` with those of each."""
        found = [{"trace_id": trace, "span_id": span} for trace, span in self.identities]
        return found[0] if self.single else {"checkpoints": found}


def encode(document: bytes, sealer: Sealer, service: str) -> Encoded:
    """One checkpoint as JSON, or an array of up to 1,000, all or none. Raises `CheckpointError`."""
    try:
        single = isinstance(json.loads(document), dict)
    except (ValueError, RecursionError):
        raise CheckpointError(("the document", "is not JSON")) from None
    try:
        found = _Many.validate_json(b"[" + document + b"]" if single else document)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        raise CheckpointError(*(_explain(fault, single) for fault in faults)) from None
    resource = spans.resource({attributes.SERVICE_NAME: service})
    bodies: list[bytes] = []
    identities: list[tuple[str, str]] = []
    for index, checkpoint in enumerate(found):
        scope, trace, span = _encode(checkpoint, sealer, "" if single else f"[{index}].")
        bodies.append(spans.export_request(resource, scope))
        identities.append((trace, span))
    return Encoded(b"".join(bodies), tuple(identities), single)


def _encode(checkpoint: Checkpoint, sealer: Sealer, place: str) -> tuple[bytes, str, str]:
    """A ScopeSpans with one span, its trace id and its span id in hex."""
    keys = []
    for number, given in enumerate(checkpoint.keys):
        key = sealer.authorities.key(given.kind, given.value, given.authority)
        if key is None:
            raise CheckpointError((f"{place}keys[{number}].value", "no identifier: empty, or the HL7 null"))
        if sealer.authorities.doubt(key):
            raise CheckpointError((f"{place}keys[{number}].value", "no identifier: says there is none"))
        keys.append(key)
    root = best(keys)
    if root is None:
        wanted = "expected at least one key of a kind other than mrn, which alone does not name a journey"
        raise CheckpointError((f"{place}keys", wanted))
    keys = sorted(dict.fromkeys(keys), key=lambda key: priority(key.kind))
    if not _EPOCH <= checkpoint.at < _END:
        raise CheckpointError((f"{place}at", "before 1970" if checkpoint.at < _EPOCH else "after 2199"))
    since = checkpoint.at - _EPOCH
    at_ns = ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1000
    identity = checkpoint.id.encode() or hashlib.sha256(_identity(checkpoint)).digest()
    trace = bytes.fromhex(sealer.token(root))
    span = span_id(sealer.site_key, checkpoint.interface, b"checkpoint|" + identity, at_ns)
    known: list[tuple[str, spans.AttributeValue | None]] = [
        (attributes.OPERATION_NAME, "receive"),
        # The sender's id may well be somebody's number: what is kept is a keyed hash of it.
        (attributes.MESSAGE_ID, _keyed(sealer, checkpoint) if checkpoint.id else None),
        (attributes.MESSAGE, checkpoint.message),
        (attributes.OUTCOME, checkpoint.outcome),
        (attributes.REASON, checkpoint.reason),
        *((attributes.TAG + name, code) for name, code in checkpoint.attributes.items()),
        *((attributes.MEASURE + name, number) for name, number in checkpoint.measures.items()),
        (
            attributes.KEYS,
            [format_reference(key.kind, key.authority, sealer.token(key)) for key in keys],
        ),
        (attributes.KEYS_SEALED, [sealer.seal(key) for key in keys]),
    ]
    failed = checkpoint.outcome in attributes.FAILED_OUTCOMES
    encoded = spans.span(
        trace,
        span,
        f"receive {checkpoint.interface}".encode(),
        spans.KIND_CONSUMER,
        at_ns,
        at_ns,
        b"".join(spans.attribute(name, value) for name, value in known if value is not None and value != ""),
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
    return (
        spans.scope_spans(spans.scope("caretrail.checkpoint", "", facts), encoded),
        trace.hex(),
        span.hex(),
    )


def _identity(checkpoint: Checkpoint) -> bytes:
    """What makes two documents the same checkpoint: the short way and the long one alike."""
    return checkpoint.model_dump_json(exclude={"workflow", "step"}).encode()


def _keyed(sealer: Sealer, checkpoint: Checkpoint) -> str:
    return message_trace_id(sealer.site_key, checkpoint.interface, checkpoint.id.encode()).hex()


def _explain(fault: Any, single: bool) -> tuple[str, str]:
    location: Sequence[int | str] = fault["loc"]
    inside = location[1:] if single else location
    text = str(fault["msg"]).removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        model: type[BaseModel] = CheckpointKey if "keys" in inside[:-1] else Checkpoint
        text = "unknown key" + nearest(str(inside[-1]), model.model_fields)
    elif fault["type"] == "missing":
        text = "missing"
    return _place(inside), text


def _place(location: Sequence[int | str]) -> str:
    """`keys[0].kind`, or `[3].keys[0].kind` in an array."""
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path or "the document"
