"""Bodies of the tap's own shape for the ingest benchmark: journeys from admission to remittance.

Written to a file before anything is timed, so that making them costs the measurement nothing. Every span has
its own ids, control ID, sizes and times; a journey's spans share their keys, as real ones do.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tracing import attributes as names
from tracing import spans
from tracing.context import SiteKey
from tracing.keys import Key, Sealer, format_reference

RECORD = struct.Struct("<II")
# Journeys that are under way together; their hops mix in time.
_TOGETHER = 400


@dataclass(frozen=True, slots=True)
class Hop:
    """One kind of message: where it passes, and when after the admission (seconds)."""

    interface: str
    source: str
    destination: str
    system: str
    message: str
    operation: str
    after: int
    with_mrn: bool


JOURNEY = (
    Hop("ehr-adt", "ehr", "engine", "hl7v2", "ADT^A01", "", 0, True),
    Hop("billing-adt-dft", "engine", "billing", "hl7v2", "ADT^A01", "", 2, True),
    Hop("ehr-adt", "ehr", "engine", "hl7v2", "ADT^A03", "", 7200, True),
    Hop("billing-adt-dft", "engine", "billing", "hl7v2", "ADT^A03", "", 7202, True),
    Hop("billing-adt-dft", "engine", "billing", "hl7v2", "DFT^P03", "", 7380, True),
    Hop("erp-journals", "engine", "erp", "http", "", "POST /journals", 7900, False),
    Hop("claims-out", "billing", "clearinghouse", "x12", "837", "", 9000, False),
    Hop("claims-in", "clearinghouse", "billing", "x12", "999", "", 9300, False),
    Hop("claims-in", "clearinghouse", "billing", "x12", "277CA", "", 9900, False),
    Hop("claims-in", "clearinghouse", "billing", "x12", "835", "", 12000, False),
)

_operation_name = spans.string_attribute(names.OPERATION_NAME)
_message_id = spans.string_attribute(names.MESSAGE_ID)
_conversation_id = spans.string_attribute(names.CONVERSATION_ID)
_message = spans.string_attribute(names.MESSAGE)
_operation = spans.string_attribute(names.OPERATION)
_outcome = spans.string_attribute(names.OUTCOME)
_ack_code = spans.string_attribute(names.ACK_CODE)
_reason = spans.string_attribute(names.REASON)
_method = spans.string_attribute(names.HTTP_METHOD)
_patient_class = spans.string_attribute(names.TAG + "patient_class")
_body_size = spans.int_attribute(names.BODY_SIZE)
_ack_size = spans.int_attribute(names.ACK_SIZE)
_status = spans.int_attribute(names.HTTP_STATUS)
_keys = spans.array_attribute(names.KEYS)
_sealed = spans.array_attribute(names.KEYS_SEALED)


def write(path: Path, wanted: int, batch: int, first_ns: int) -> tuple[int, int]:
    """At least `wanted` spans in bodies of `batch`, on one day from `first_ns`; (spans, bytes)."""
    count = size = 0
    step = 80_000_000_000_000 // max(wanted, 1)
    resource = spans.resource(
        {
            names.SERVICE_NAME: "caretrail-tap",
            names.SERVICE_INSTANCE_ID: "tap-1:4711",
            names.SERVICE_VERSION: "0.1.0",
            names.SITE: "northside",
        }
    )
    with open(path, "wb") as file:
        for body, number in _bodies(resource, wanted, batch, first_ns, step):
            file.write(RECORD.pack(len(body), number))
            file.write(body)
            count += number
            size += len(body)
    return count, size


def _bodies(
    resource: bytes, wanted: int, batch: int, first_ns: int, step: int
) -> Iterator[tuple[bytes, int]]:
    chance = random.Random(7)
    site_key = SiteKey(bytes(range(32)))
    sealer = Sealer(site_key)
    scopes = {
        hop.interface: spans.scope(
            "caretrail.tap",
            "1",
            {
                names.INTERFACE: hop.interface,
                names.SOURCE: hop.source,
                names.DESTINATION: hop.destination,
                names.SYSTEM: hop.system,
                names.FACILITY: "NSH",
            },
        )
        for hop in JOURNEY
    }
    made = journeys = 0
    while made < wanted:
        hops: list[tuple[int, str, bytes]] = []
        for _ in range(_TOGETHER):
            journeys += 1
            hops += _journey(sealer, chance, journeys, first_ns + made * step)
        hops.sort(key=lambda hop: hop[0])
        for at in range(0, len(hops), batch):
            part = hops[at : at + batch]
            by_interface: dict[str, list[bytes]] = {}
            for _, interface, encoded in part:
                by_interface.setdefault(interface, []).append(encoded)
            joined = b"".join(
                spans.scope_spans(scopes[interface], b"".join(encoded))
                for interface, encoded in by_interface.items()
            )
            yield spans.export_request(resource, joined), len(part)
        made += len(hops)


def _journey(
    sealer: Sealer, chance: random.Random, number: int, admitted_ns: int
) -> list[tuple[int, str, bytes]]:
    """(start, interface, encoded span) of the hops of one journey."""
    visit = Key("visit", "NSH", f"V{number:08d}")
    account = Key("account", "NSH", f"A{number:08d}")
    claim = Key("claim", "NSH", f"A{number:08d}")
    mrn = Key("mrn", "NSH", f"M{number // 3:07d}")
    patient_class = _patient_class(chance.choice("IIIOOER"))
    trace = bytes.fromhex(sealer.token(visit))
    claim_trace = bytes.fromhex(sealer.token(account))
    fields = {}
    for kind, keys in (("adt", (visit, account, mrn)), ("erp", (account,)), ("claim", (account, claim))):
        tokens = [
            spans.array_element(format_reference(key.kind, key.authority, sealer.token(key))) for key in keys
        ]
        seals = [spans.array_element(sealer.seal(key)) for key in keys]
        fields[kind] = _keys(b"".join(tokens)) + _sealed(b"".join(seals))
    found = []
    for place, hop in enumerate(JOURNEY):
        start = admitted_ns + (hop.after * 1000 + chance.randrange(1000)) * 1_000_000
        took = 0 if hop.system == "x12" else chance.randrange(1_000_000, 90_000_000)
        control = f"{hop.interface[:3].upper()}{number:09d}{place:02d}"
        failed = hop.system != "x12" and chance.random() < 0.01
        common = _outcome("rejected" if failed else "accepted") + _body_size(chance.randrange(600, 3000))
        if hop.system == "hl7v2":
            attributes = (
                _operation_name("forward")
                + _message_id(control)
                + _conversation_id(control)
                + _message(hop.message)
                + patient_class
                + _ack_size(chance.randrange(60, 130))
                + _ack_code("AR" if failed else "AA")
                + fields["adt"]
            )
        elif hop.system == "http":
            attributes = (
                _operation_name("forward")
                + _operation(hop.operation)
                + _method("POST")
                + _status(422 if failed else 201)
                + _ack_code("422" if failed else "201")
                + spans.attribute(names.MEASURE + "amount", round(chance.uniform(50, 9000), 2))
                + _ack_size(chance.randrange(60, 130))
                + fields["erp"]
            )
        else:
            attributes = (
                _operation_name("claim")
                + _message_id(control)
                + _conversation_id(control)
                + _message(hop.message)
                + spans.attribute(names.MEASURE + "amount", round(chance.uniform(50, 9000), 2))
                + _ack_code("A1")
                + fields["claim"]
            )
        if failed:
            common += _reason("cost_centre_unknown")
        name = b"forward " + hop.interface.encode() if took else b"claim " + hop.interface.encode()
        encoded = spans.span(
            trace if hop.with_mrn else claim_trace,
            chance.randbytes(7) + b"\x01",
            name,
            spans.KIND_PRODUCER if took else spans.KIND_CONSUMER,
            start,
            start + took,
            attributes + common,
            status=spans.STATUS_ERROR if failed else spans.STATUS_UNSET,
        )
        found.append((start, hop.interface, encoded))
    return found
