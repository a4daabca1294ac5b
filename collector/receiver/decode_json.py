"""OTLP JSON to the protobuf message (OTLP specification, "JSON Protobuf Encoding").

Called by the HTTP shell for `application/json`. protobuf's own JSON reader cannot serve: OTLP ids are hex,
not base64. Ids that are not hex become empty, so their spans are rejected one by one; every other fault
raises Refusal with the place in the document.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from collector.receiver.refusal import Refusal, bad

# protobuf's own readers, ClickHouse's among them, stop at 100 levels; an AnyValue takes up to three of them.
_DEEPEST = 30
_UINT32 = (0, 2**32 - 1)
_UINT64 = (0, 2**64 - 1)
_INT32 = (-(2**31), 2**31 - 1)
_INT64 = (-(2**63), 2**63 - 1)

Document = dict[str, Any]


def decode(body: bytes) -> ExportTraceServiceRequest:
    """The request in `body`. Raises Refusal (400)."""
    try:
        document = json.loads(body)
    except UnicodeDecodeError:
        raise bad("the body is not JSON: not UTF-8") from None
    except json.JSONDecodeError as error:
        # Only the place: the parser's own text is safe, the document around it is not.
        place = f"line {error.lineno}, column {error.colno}"
        raise bad(f"the body is not JSON: {error.msg} at {place}") from None
    except (RecursionError, ValueError):
        raise bad("the body is not JSON that can be read: nested too deeply, or a number too long") from None
    request = ExportTraceServiceRequest()
    _each(request, _object(document, ""), "resourceSpans", "", _resource_spans)
    return request


def _fault(path: str, expected: str) -> Refusal:
    place = path or "the document"
    return bad(f"{place}: expected {expected}", (place, f"expected {expected}"))


def _object(value: Any, path: str) -> Document:
    if not isinstance(value, dict):
        raise _fault(path, "an object")
    return value


def _each(
    request: Any, document: Document, name: str, path: str, read: Callable[[Any, Document, str], None]
) -> None:
    """Fill the repeated field whose JSON name is `name` from its array."""
    items = document.get(name)
    if items is None:
        return
    place = f"{path}.{name}" if path else name
    if not isinstance(items, list):
        raise _fault(place, "an array")
    target = getattr(request, _SNAKE[name])
    for index, item in enumerate(items):
        at = f"{place}[{index}]"
        read(target.add(), _object(item, at), at)


_SNAKE = {
    "resourceSpans": "resource_spans",
    "scopeSpans": "scope_spans",
    "spans": "spans",
    "events": "events",
    "links": "links",
}


def _resource_spans(target: ResourceSpans, document: Document, path: str) -> None:
    if (resource := document.get("resource")) is not None:
        _resource(target.resource, _object(resource, f"{path}.resource"), f"{path}.resource")
    target.schema_url = _text(document, "schemaUrl", path)
    _each(target, document, "scopeSpans", path, _scope_spans)


def _resource(target: Resource, document: Document, path: str) -> None:
    # Present and empty is not the same as absent.
    target.SetInParent()
    _attributes(target.attributes, document, path)
    target.dropped_attributes_count = _integer(document, "droppedAttributesCount", path, _UINT32)


def _scope_spans(target: ScopeSpans, document: Document, path: str) -> None:
    if (scope := document.get("scope")) is not None:
        _scope(target.scope, _object(scope, f"{path}.scope"), f"{path}.scope")
    target.schema_url = _text(document, "schemaUrl", path)
    _each(target, document, "spans", path, _span)


def _scope(target: InstrumentationScope, document: Document, path: str) -> None:
    target.SetInParent()
    target.name = _text(document, "name", path)
    target.version = _text(document, "version", path)
    _attributes(target.attributes, document, path)
    target.dropped_attributes_count = _integer(document, "droppedAttributesCount", path, _UINT32)


def _span(target: Span, document: Document, path: str) -> None:
    target.trace_id = _hex(document, "traceId", path)
    target.span_id = _hex(document, "spanId", path)
    target.parent_span_id = _hex(document, "parentSpanId", path)
    target.trace_state = _text(document, "traceState", path)
    target.flags = _integer(document, "flags", path, _UINT32)
    target.name = _text(document, "name", path)
    target.kind = _integer(document, "kind", path, _INT32)  # type: ignore[assignment]
    target.start_time_unix_nano = _integer(document, "startTimeUnixNano", path, _UINT64)
    target.end_time_unix_nano = _integer(document, "endTimeUnixNano", path, _UINT64)
    _attributes(target.attributes, document, path)
    target.dropped_attributes_count = _integer(document, "droppedAttributesCount", path, _UINT32)
    _each(target, document, "events", path, _event)
    target.dropped_events_count = _integer(document, "droppedEventsCount", path, _UINT32)
    _each(target, document, "links", path, _link)
    target.dropped_links_count = _integer(document, "droppedLinksCount", path, _UINT32)
    if (status := document.get("status")) is not None:
        _status(target.status, _object(status, f"{path}.status"), f"{path}.status")


def _status(target: Status, document: Document, path: str) -> None:
    target.SetInParent()
    target.message = _text(document, "message", path)
    target.code = _integer(document, "code", path, _INT32)  # type: ignore[assignment]


def _event(target: Span.Event, document: Document, path: str) -> None:
    target.time_unix_nano = _integer(document, "timeUnixNano", path, _UINT64)
    target.name = _text(document, "name", path)
    _attributes(target.attributes, document, path)
    target.dropped_attributes_count = _integer(document, "droppedAttributesCount", path, _UINT32)


def _link(target: Span.Link, document: Document, path: str) -> None:
    target.trace_id = _hex(document, "traceId", path)
    target.span_id = _hex(document, "spanId", path)
    target.trace_state = _text(document, "traceState", path)
    target.flags = _integer(document, "flags", path, _UINT32)
    _attributes(target.attributes, document, path)
    target.dropped_attributes_count = _integer(document, "droppedAttributesCount", path, _UINT32)


def _attributes(target: Any, document: Document, path: str) -> None:
    items = document.get("attributes")
    if items is not None:
        _key_values(target, items, f"{path}.attributes", 0)


def _key_values(target: Any, items: Any, path: str, depth: int) -> None:
    if not isinstance(items, list):
        raise _fault(path, "an array")
    for index, item in enumerate(items):
        at = f"{path}[{index}]"
        entry = _object(item, at)
        pair: KeyValue = target.add()
        pair.key = _text(entry, "key", at)
        if (value := entry.get("value")) is not None:
            _any_value(pair.value, _object(value, f"{at}.value"), f"{at}.value", depth)


def _any_value(target: AnyValue, document: Document, path: str, depth: int) -> None:
    if depth > _DEEPEST:
        raise _fault(path, f"at most {_DEEPEST} levels of nested values")
    target.SetInParent()
    if document.get("stringValue") is not None:
        target.string_value = _text(document, "stringValue", path)
    elif (flag := document.get("boolValue")) is not None:
        if not isinstance(flag, bool):
            raise _fault(f"{path}.boolValue", "true or false")
        target.bool_value = flag
    elif document.get("intValue") is not None:
        target.int_value = _integer(document, "intValue", path, _INT64)
    elif document.get("doubleValue") is not None:
        target.double_value = _double(document, "doubleValue", path)
    elif document.get("bytesValue") is not None:
        target.bytes_value = _base64(document, "bytesValue", path)
    elif (array := document.get("arrayValue")) is not None:
        _array(target, _object(array, f"{path}.arrayValue"), f"{path}.arrayValue", depth)
    elif (pairs := document.get("kvlistValue")) is not None:
        target.kvlist_value.SetInParent()
        values = _object(pairs, f"{path}.kvlistValue").get("values")
        if values is not None:
            _key_values(target.kvlist_value.values, values, f"{path}.kvlistValue.values", depth + 1)


def _array(target: AnyValue, document: Document, path: str, depth: int) -> None:
    target.array_value.SetInParent()
    values = document.get("values")
    if values is None:
        return
    if not isinstance(values, list):
        raise _fault(f"{path}.values", "an array")
    for index, item in enumerate(values):
        at = f"{path}.values[{index}]"
        _any_value(target.array_value.values.add(), _object(item, at), at, depth + 1)


def _text(document: Document, name: str, path: str) -> str:
    value = document.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _fault(f"{path}.{name}", "a string")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _fault(f"{path}.{name}", "text without lone surrogates") from None
    return value


def _hex(document: Document, name: str, path: str) -> bytes:
    value = document.get(name)
    if value is None:
        return b""
    if not isinstance(value, str):
        raise _fault(f"{path}.{name}", "a hexadecimal string")
    try:
        # unhexlify takes either case and, unlike bytes.fromhex, no spaces.
        return binascii.unhexlify(value)
    except ValueError:
        return b""


def _integer(document: Document, name: str, path: str, span: tuple[int, int]) -> int:
    """An integer given as a number or as a decimal string (ProtoJSON); an enum has numbers only in OTLP."""
    value = document.get(name)
    if value is None:
        return 0
    number: int | None = None
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, str) and value.isascii() and value.lstrip("-").isdigit() and len(value) <= 20:
        try:
            number = int(value)
        except ValueError:
            number = None
    elif isinstance(value, float) and value.is_integer():
        number = int(value)
    if number is None or not span[0] <= number <= span[1]:
        raise _fault(f"{path}.{name}", f"an integer from {span[0]} to {span[1]}")
    return number


def _double(document: Document, name: str, path: str) -> float:
    value = document.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            pass
    elif isinstance(value, str):
        try:
            # "NaN", "Infinity" and "-Infinity" among them.
            return float(value)
        except ValueError:
            pass
    raise _fault(f"{path}.{name}", "a number")


def _base64(document: Document, name: str, path: str) -> bytes:
    value = document.get(name)
    if isinstance(value, str):
        plain = value.replace("-", "+").replace("_", "/").rstrip("=")
        try:
            return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
        except (binascii.Error, ValueError):
            pass
    raise _fault(f"{path}.{name}", "base64")
