"""The registry of every attribute a Caretrail span carries: name, place, type, meaning, stability.

Called by the taps (names), by the documentation build, and by tests that hold emitted spans
against it. It must never list an attribute that could hold an identifier, a name or free text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Place = Literal["resource", "scope", "span"]
Kind = Literal["string", "int", "double", "string[]"]
Stability = Literal["stable", "development"]


@dataclass(frozen=True)
class Attribute:
    """One row. A `name` that ends in `.*` is a family, its last part chosen in the configuration."""

    name: str
    place: Place
    kind: Kind
    stability: Stability
    meaning: str
    example: str

    def covers(self, name: str) -> bool:
        """Whether `name` is this attribute, or a member of this family."""
        if self.name.endswith(".*"):
            return name.startswith(self.name[:-1]) and len(name) >= len(self.name)
        return name == self.name


SERVICE_NAME = "service.name"
SERVICE_INSTANCE_ID = "service.instance.id"
SERVICE_VERSION = "service.version"
SITE = "caretrail.site"
INTERFACE = "integration.interface"
SOURCE = "integration.source"
DESTINATION = "integration.destination"
FACILITY = "integration.facility"
SYSTEM = "messaging.system"
OPERATION_NAME = "messaging.operation.name"
MESSAGE_ID = "messaging.message.id"
CONVERSATION_ID = "messaging.message.conversation_id"
BODY_SIZE = "messaging.message.body.size"
ACK_SIZE = "integration.ack.size"
MESSAGE = "integration.message"
OPERATION = "integration.operation"
OUTCOME = "integration.outcome"
ACK_CODE = "integration.ack.code"
ACK_PAIRING = "integration.ack.pairing"
REASON = "integration.reason"
UNREAD = "integration.unread"
ATTEMPT = "integration.attempt"
BATCH_MESSAGES = "integration.batch.messages"
BATCH_DECLARED = "integration.batch.declared"
BODY_SEALED = "integration.body.sealed"
ANSWER_SEALED = "integration.answer.sealed"
STRUCTURE = "hl7.structure"
STRUCTURE_SHAPE = "hl7.structure.shape"
UNREAD_AT = "integration.unread.at"
UNREAD_COUNT = "integration.unread.count"
HTTP_METHOD = "http.request.method"
HTTP_STATUS = "http.response.status_code"
UNREAD_PLACE = "integration.unread.place"
FHIR_TYPE = "fhir.resource.type"
FHIR_INTERACTION = "fhir.interaction"
FHIR_OPERATION = "fhir.operation"
FHIR_BUNDLE = "fhir.bundle.type"
FHIR_ENTRIES = "fhir.bundle.entries"
FHIR_FAILED = "fhir.bundle.failed"
FHIR_DETAIL = "fhir.issue.detail"
KEYS = "journey.keys"
KEYS_SEALED = "journey.keys.sealed"
DERIVED_TRACE = "journey.trace_id"
IDENTITY = "journey.identity"
DOUBTS = "journey.doubts"
FIELDS = "journey.fields"
MEASURE = "integration.measure."
TAG = "integration.attribute."
BATCH = TAG + "batch"
"""The batch a message came in or is about: a token of what both sides call it."""
ENGINE_MESSAGE = "engine.message"
ENGINE_SOURCE_MESSAGE = "engine.source_message"
STATUS_INTERFACE = "caretrail.tap.interface"
STATUS_KIND = "caretrail.tap.kind"
STATUS_SEEN = "caretrail.tap.seen"
STATUS_UNSEEN = "caretrail.tap.unseen"
STATUS_WAITING = "caretrail.tap.waiting_bytes"
STATUS_DROPPED = "caretrail.tap.dropped"
STATUS_REFUSED = "caretrail.tap.refused"
STATUS_CLOCK_AHEAD = "caretrail.tap.clock.ahead_ms"
STATUS_CLOCK_WITHIN = "caretrail.tap.clock.within_ms"
STATUS_CLOCK_SAMPLES = "caretrail.tap.clock.samples"

OUTCOMES = ("accepted", "partial", "rejected", "error", "timeout", "mismatched", "none")
FAILED_OUTCOMES = frozenset({"rejected", "error", "timeout"})

REGISTRY: tuple[Attribute, ...] = (
    Attribute(SERVICE_NAME, "resource", "string", "stable", "Always `caretrail-tap`.", "caretrail-tap"),
    Attribute(SERVICE_INSTANCE_ID, "resource", "string", "development", "One tap process.", "tap-1:4711"),
    Attribute(SERVICE_VERSION, "resource", "string", "stable", "Release of Caretrail.", "0.1.0"),
    Attribute(SITE, "resource", "string", "stable", "Name of the site the tap belongs to.", "northside"),
    Attribute(
        INTERFACE, "scope", "string", "stable", "Name of the interface in `caretrail.yaml`.", "ehr-adt"
    ),
    Attribute(SOURCE, "scope", "string", "stable", "System that sends.", "ehr"),
    Attribute(DESTINATION, "scope", "string", "stable", "System that receives.", "engine"),
    Attribute(
        FACILITY,
        "scope",
        "string",
        "stable",
        "Facility the interface serves; on a span it is what the message itself says (HL7 v2 MSH-4).",
        "NSH",
    ),
    Attribute(SYSTEM, "scope", "string", "development", "Protocol: `hl7v2`, `http` or `x12`.", "hl7v2"),
    Attribute(FACILITY, "span", "string", "stable", "MSH-4.1, where it is not the interface's.", "NSH-NORTH"),
    Attribute(
        OPERATION_NAME,
        "span",
        "string",
        "development",
        "`forward` for a proxied message, `entry` for one of a FHIR Bundle, `receive` for a message of a "
        "file, and for what an X12 transaction is about `claim`, `inquiry`, `order`, or `acknowledge` for "
        "one verdict of several.",
        "forward",
    ),
    Attribute(
        MESSAGE_ID,
        "span",
        "string",
        "development",
        "HL7 v2: MSH-10; X12: ISA13-GS06-ST02. Not unique: engines re-send and re-use.",
        "MSG00001",
    ),
    Attribute(
        CONVERSATION_ID,
        "span",
        "string",
        "development",
        "What the answer refers to. HL7 v2: MSA-2; 999: AK102-AK202; 277CA: batch TRN02.",
        "MSG00001",
    ),
    Attribute(
        BODY_SIZE, "span", "int", "development", "Size of the message in bytes, without framing.", "1535"
    ),
    Attribute(ACK_SIZE, "span", "int", "stable", "Size of the answer in bytes, without framing.", "74"),
    Attribute(
        MESSAGE, "span", "string", "stable", "HL7 v2 message type and event, or X12 transaction.", "ADT^A03"
    ),
    Attribute(OPERATION, "span", "string", "stable", "HTTP method and route template.", "POST /journals"),
    Attribute(
        OUTCOME,
        "span",
        "string",
        "stable",
        "`accepted`, `partial` (some of it: 999 AK9 P, 277CA with both, 855 with changes), "
        "`rejected` (AR, CR, 4xx), `error` (AE, CE, 5xx, answer cut off), `timeout` (no answer "
        "in time), `mismatched` (answered, but for another control ID), `none` (connection lost before).",
        "accepted",
    ),
    Attribute(ACK_CODE, "span", "string", "stable", "MSA-1, HTTP status, or the X12 status code.", "AA"),
    Attribute(
        ACK_PAIRING,
        "span",
        "string",
        "development",
        "How the answer found its message, where that was not by its control ID in time: `order` (names no "
        "control ID), `late` (it came after the tap had given up), `mismatched` (it names another one).",
        "late",
    ),
    Attribute(
        REASON,
        "span",
        "string",
        "stable",
        "Coded reason of a refusal: ERR-3.1, the configured JSON pointer, X12 codes. Never free text: what"
        " is not a short code is left out.",
        "cost_centre_unknown",
    ),
    Attribute(
        UNREAD,
        "span",
        "string",
        "development",
        "Why a message passed without being read: `not_hl7`, `not_json`, `not_xml`, `not_form`, `not_fhir`, "
        "`not_x12`, `bad_row`, `too_large`, `encoded` (a compression that is not read), `incomplete` (cut "
        "off), `packed` (an archive that cannot be unpacked), `failed`.",
        "too_large",
    ),
    Attribute(
        UNREAD_AT,
        "span",
        "int",
        "development",
        "Where in a file the first of what could not be read is: byte (X12, HL7) or line (other files).",
        "17",
    ),
    Attribute(
        UNREAD_COUNT, "span", "int", "development", "How many places of a file could not be read.", "3"
    ),
    Attribute(
        ATTEMPT,
        "span",
        "int",
        "development",
        "2 or more where the same bytes came over this interface before: which transmission of them it is.",
        "2",
    ),
    Attribute(
        BATCH_MESSAGES, "span", "int", "development", "HL7 v2 batch or file: messages that were in it.", "40"
    ),
    Attribute(
        BATCH_DECLARED,
        "span",
        "int",
        "development",
        "What BTS-1 (or FTS-1, of batches) says there should be, where it says something else.",
        "41",
    ),
    Attribute(
        BODY_SEALED,
        "span",
        "string",
        "development",
        "The message itself or its beginning, encrypted; only where the interface says `capture`.",
        "AXa1…",
    ),
    Attribute(
        ANSWER_SEALED, "span", "string", "development", "The answer, as `integration.body.sealed`.", "AXa1…"
    ),
    Attribute(
        STRUCTURE,
        "span",
        "string",
        "development",
        "Fingerprint of the message's shape: which segments, fields and chosen codes it uses, no values.",
        "5f0c1d22b8e94a07",
    ),
    Attribute(
        STRUCTURE_SHAPE,
        "span",
        "string",
        "development",
        "The shape behind a fingerprint, on the first message of a tap process that has it.",
        "MSH:1-4,7,9-12 PID:1,3,5 12=2.5.1",
    ),
    Attribute(
        UNREAD_PLACE,
        "span",
        "string",
        "development",
        "Where a body is malformed: `line:column`, or the element by the names its standard gives.",
        "Bundle.entry[3].resource.resourceType",
    ),
    Attribute(FHIR_TYPE, "span", "string", "stable", "FHIR resource type.", "Encounter"),
    Attribute(
        FHIR_INTERACTION,
        "span",
        "string",
        "stable",
        "`read`, `vread`, `search`, `create`, `update`, `patch`, `delete`, `history`, `capabilities`, "
        "`batch`, `transaction` or `operation`.",
        "create",
    ),
    Attribute(
        FHIR_OPERATION,
        "span",
        "string",
        "stable",
        "Operation that FHIR or a widely used guide defines, `$*` for any other.",
        "$submit",
    ),
    Attribute(FHIR_BUNDLE, "span", "string", "stable", "Bundle.type of what was sent.", "transaction"),
    Attribute(
        FHIR_ENTRIES,
        "span",
        "int",
        "stable",
        "Entries of the Bundle that was sent, also those beyond the limit, which have no span.",
        "12",
    ),
    Attribute(FHIR_FAILED, "span", "int", "stable", "Entries whose answer is an error.", "1"),
    Attribute(
        FHIR_DETAIL,
        "span",
        "string",
        "development",
        "OperationOutcome.issue.details, its first code; the issue's type is the reason.",
        "MSG_DUPLICATE_ID",
    ),
    Attribute(HTTP_METHOD, "span", "string", "stable", "HTTP method.", "POST"),
    Attribute(HTTP_STATUS, "span", "int", "stable", "HTTP status code.", "201"),
    Attribute(
        KEYS,
        "span",
        "string[]",
        "stable",
        "Business keys, best first, each `kind:authority:token`; the token is a keyed hash.",
        "visit:NSH:9f86d081884c7d659a2feaa0c55ad015",
    ),
    Attribute(
        KEYS_SEALED,
        "span",
        "string[]",
        "stable",
        "The same keys in the same order, encrypted for people allowed to see them.",
        "Ab3x…",
    ),
    Attribute(
        DERIVED_TRACE,
        "span",
        "string",
        "development",
        "The trace ID that the message's own keys give, where it came with a context and went on with that.",
        "9f86d081884c7d659a2feaa0c55ad015",
    ),
    Attribute(
        IDENTITY,
        "span",
        "string",
        "development",
        "What the message says about identity, elements separated by spaces, each `event,level,from,to,"
        "subject,at`: merge, change, move, link, unlink or cancel of patient, account or visit; `from` (the "
        "key until now, with its sealed value), `to` and `subject` are `kind:authority:token` or empty, `at` "
        "is Unix milliseconds.",
        "change,visit,visit:NSH:9f86…:Ab3x…,visit:NSH:60ba…,,1772366400000",
    ),
    Attribute(
        DOUBTS,
        "span",
        "string",
        "development",
        "Keys that are not among `journey.keys` because they say nothing about whose they are, separated by "
        "spaces, each `kind:authority:token:why:sealed`. Why: `blank` (no number: 0, UNKNOWN, 999999999).",
        "account:NSH:9f86d081884c7d659a2feaa0c55ad015:blank:Ab3x…",
    ),
    Attribute(
        FIELDS,
        "scope",
        "string",
        "development",
        "Which field each kind of key is read from, `kind=place|place` separated by spaces.",
        "visit=PV1-19 account=PID-18 order=ORC-2|OBR-2 mrn=PID-3",
    ),
    Attribute(
        MEASURE + "*",
        "span",
        "double",
        "stable",
        "A number that is configured, for reconciliation.",
        "182.5",
    ),
    Attribute(TAG + "*", "span", "string", "stable", "A short code that is configured, for `when`.", "I"),
    Attribute(
        BATCH, "span", "string", "development", "Token of the X12 set it came in or is about.", "1c51062d…"
    ),
    Attribute(
        STATUS_INTERFACE, "span", "string", "stable", "Interface a `tap status` span is about.", "ehr-adt"
    ),
    Attribute(STATUS_KIND, "span", "string", "stable", "Its kind in the configuration.", "mllp"),
    Attribute(
        STATUS_SEEN, "span", "int", "stable", "Messages (requests, files, rows) since the start.", "1013"
    ),
    Attribute(
        STATUS_UNSEEN, "span", "int", "stable", "Of them, passed without being understood by the tap.", "0"
    ),
    Attribute(STATUS_WAITING, "span", "int", "stable", "Bytes in the tap's spool.", "0"),
    Attribute(STATUS_DROPPED, "span", "int", "stable", "Spans the spool dropped since the tap started.", "0"),
    Attribute(STATUS_REFUSED, "span", "int", "stable", "Spans the collector would not take.", "0"),
    Attribute(
        STATUS_CLOCK_AHEAD, "span", "int", "development", "How far ahead the tap's clock is, ms.", "-12"
    ),
    Attribute(STATUS_CLOCK_WITHIN, "span", "int", "development", "How exact that is, ms either way.", "3"),
    Attribute(STATUS_CLOCK_SAMPLES, "span", "int", "development", "Requests that is learned from.", "57"),
    Attribute(
        ENGINE_MESSAGE,
        "span",
        "string",
        "development",
        "A message inside an integration engine: its channel's ID and its number there.",
        "5f3b6c1e:1042",
    ),
    Attribute(
        ENGINE_SOURCE_MESSAGE,
        "span",
        "string",
        "development",
        "The message another channel handed on to this one, also on the link to that one's span.",
        "9c1d0a77:881",
    ),
)


def find(name: str) -> Attribute | None:
    """The registry's row for an attribute name as it appears on a span, a scope or a resource."""
    return next((row for row in REGISTRY if row.covers(name)), None)
