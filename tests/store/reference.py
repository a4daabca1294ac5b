"""The plain decoder of OTLP that the store's SQL must agree with: protobuf objects in, rows of `spans` out.

Written for reading, not for speed; the tests compare it with what ClickHouse made of the same bytes. It
defines the textual form of attribute values.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

# Column of spans -> attribute that fills it; the first group also looks at the scope.
OF_INTERFACE = {
    "interface": "integration.interface",
    "source": "integration.source",
    "destination": "integration.destination",
    "facility": "integration.facility",
    "system": "messaging.system",
}
OF_MESSAGE = {
    "message": "integration.message",
    "operation": "integration.operation",
    "outcome": "integration.outcome",
    "ack_code": "integration.ack.code",
    "reason": "integration.reason",
    "control_id": "messaging.message.id",
    "conversation_id": "messaging.message.conversation_id",
}
SIZES = {"bytes": "messaging.message.body.size", "ack_bytes": "integration.ack.size"}
KEYS, SEALS = "journey.keys", "journey.keys.sealed"
MEASURE, TAG = "integration.measure.", "integration.attribute."
KINDS = ["Unspecified", "Internal", "Server", "Client", "Producer", "Consumer"]
STATUSES = ["Unset", "Ok", "Error"]
ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
DEEPEST = 2  # arrays and lists inside each other that become JSON; what lies deeper stays a message


def text(value: AnyValue) -> str:
    """The textual form of an attribute's value."""
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value
        case "bool_value":
            return "true" if value.bool_value else "false"
        case "int_value":
            return str(value.int_value)
        case "double_value":
            return double(value.double_value)
        case "bytes_value":
            return base64.b64encode(value.bytes_value).decode()
        case "array_value" | "kvlist_value":
            return in_json(value, DEEPEST)
        case _:
            return ""


def in_json(value: AnyValue, levels: int) -> str:
    """The textual form inside an array or list; `levels` is how many more may be opened."""
    match value.WhichOneof("value"):
        case "string_value":
            return quoted(value.string_value)
        case "double_value":
            number = double(value.double_value)
            return number if math.isfinite(value.double_value) else f'"{number}"'
        case "bytes_value":
            return f'"{text(value)}"'
        case "array_value" if levels:
            return "[" + ",".join(in_json(item, levels - 1) for item in value.array_value.values) + "]"
        case "kvlist_value" if levels:
            pairs = value.kvlist_value.values
            return "{" + ",".join(f"{quoted(p.key)}:{in_json(p.value, levels - 1)}" for p in pairs) + "}"
        case "array_value" | "kvlist_value":
            return '{"otlp":"' + base64.b64encode(value.SerializeToString()).decode() + '"}'
        case None:
            return "null"
        case _:
            return text(value)


def quoted(string: str) -> str:
    """JSON as ClickHouse writes it: what must be escaped and U+2028 and U+2029, with upper-case digits."""
    return '"' + "".join(ESCAPES.get(char) or unicode_escape(char) for char in string) + '"'


def unicode_escape(char: str) -> str:
    return f"\\u{ord(char):04X}" if char < " " or char in "\u2028\u2029" else char


def double(number: float) -> str:
    """The shortest decimal that reads back, laid out as JavaScript and ClickHouse do."""
    if not math.isfinite(number):
        return "nan" if math.isnan(number) else "inf" if number > 0 else "-inf"
    mantissa, _, exponent = f"{number!r}e0".partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent.partition("e")[0]) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    if not digits:
        return f"{sign}0"
    if point > 21:
        rest = f".{digits[1:]}" if digits[1:] else ""
        return f"{sign}{digits[0]}{rest}e{point - 1}"
    if point > 0:
        padded = digits.ljust(point, "0")
        return sign + padded[:point] + (f".{padded[point:]}" if padded[point:] else "")
    if point > -6:
        return f"{sign}0.{'0' * -point}{digits}"
    rest = f".{digits[1:]}" if digits[1:] else ""
    return f"{sign}{digits[0]}{rest}e{point - 1}"


def rows(request: ExportTraceServiceRequest) -> list[dict[str, Any]]:
    """The rows of `spans` a request stands for, without ingested_at, times as nanoseconds."""
    return [
        row(span, dict(pairs(of_resource)), scoped.scope.name, scoped.scope.version, scoped.scope.attributes)
        for resource_spans in request.resource_spans
        for of_resource in [resource_spans.resource.attributes]
        for scoped in resource_spans.scope_spans
        for span in scoped.spans
    ]


def pairs(attributes: Iterable[KeyValue]) -> list[tuple[str, str]]:
    return [(attribute.key, text(attribute.value)) for attribute in attributes]


def row(
    span: Span, resource: dict[str, str], scope_name: str, scope_version: str, scope: Iterable[KeyValue]
) -> dict[str, Any]:
    by_key = {attribute.key: attribute.value for attribute in span.attributes}
    strings = {key: value.string_value for key, value in by_key.items()}
    of_scope = {attribute.key: attribute.value.string_value for attribute in scope}
    keys = [item.string_value for item in by_key.get(KEYS, AnyValue()).array_value.values]
    return {
        "trace_id": span.trace_id.hex(),
        "span_id": span.span_id.hex(),
        "parent_span_id": span.parent_span_id.hex(),
        "start": span.start_time_unix_nano,
        "duration_ns": max(0, span.end_time_unix_nano - span.start_time_unix_nano),
        "name": span.name,
        "kind": KINDS[span.kind],
        "status_code": STATUSES[span.status.code],
        "status_message": span.status.message,
        "service_name": resource.get("service.name", ""),
        "scope_name": scope_name,
        "scope_version": scope_version,
        **{c: strings.get(key) or of_scope.get(key, "") for c, key in OF_INTERFACE.items()},
        **{column: strings.get(key, "") for column, key in OF_MESSAGE.items()},
        **{c: min(max(by_key.get(key, AnyValue()).int_value, 0), 2**32 - 1) for c, key in SIZES.items()},
        "key_kinds": [key.split(":", 1)[0] for key in keys],
        "key_tokens": [key.rsplit(":", 1)[-1] for key in keys],
        "measures": {
            key[len(MEASURE) :]: float(value.int_value or value.double_value)
            for key, value in by_key.items()
            if key.startswith(MEASURE) and value.WhichOneof("value") in ("int_value", "double_value")
        },
        "tags": {
            key[len(TAG) :]: value.string_value
            for key, value in by_key.items()
            if key.startswith(TAG) and value.WhichOneof("value") == "string_value"
        },
        "attributes": {key: text(value) for key, value in by_key.items() if not has_column(key, value)},
        "resource_attributes": {key: value for key, value in resource.items() if key != "service.name"},
        "scope_attributes": {k: v for k, v in pairs(scope) if k not in OF_INTERFACE.values()},
        "trace_state": span.trace_state,
        "flags": span.flags,
        "events.at": [event.time_unix_nano for event in span.events],
        "events.name": [event.name for event in span.events],
        "events.attributes": [dict(pairs(event.attributes)) for event in span.events],
        "links.trace_id": [link.trace_id.hex() for link in span.links],
        "links.span_id": [link.span_id.hex() for link in span.links],
        "links.trace_state": [link.trace_state for link in span.links],
        "links.attributes": [dict(pairs(link.attributes)) for link in span.links],
    }


def has_column(key: str, value: AnyValue) -> bool:
    """Whether a column of spans holds this attribute, so that the map need not."""
    match value.WhichOneof("value"):
        case "string_value":
            return key in {*OF_INTERFACE.values(), *OF_MESSAGE.values()} or key.startswith(TAG)
        case "int_value" if key in SIZES.values():
            return 0 <= value.int_value < 2**32
        case "int_value" | "double_value":
            return key.startswith(MEASURE)
        case "array_value":
            return key in (KEYS, SEALS)
        case _:
            return False
