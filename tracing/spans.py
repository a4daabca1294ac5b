"""OTLP spans as bytes: the protobuf encoding of opentelemetry.proto.trace.v1, written by concatenation.

Called by the taps in the message path, where an SDK span per message costs too much (see
docs/decisions/tap-encoding.md). A test holds every byte against what the OpenTelemetry SDK exports.
It must never do I/O or look at a message: names and values come in ready.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence

AttributeValue = str | bool | int | float | bytes | Sequence["AttributeValue"]

KIND_INTERNAL = 1
KIND_SERVER = 2
KIND_CLIENT = 3
KIND_PRODUCER = 4
KIND_CONSUMER = 5
STATUS_UNSET = 0
STATUS_OK = 1
STATUS_ERROR = 2

FLAG_HAS_IS_REMOTE = 0x100
FLAG_IS_REMOTE = 0x200

_LENGTHS = [bytes((n,)) if n < 128 else bytes((n & 0x7F | 0x80, n >> 7)) for n in range(16384)]
_TIMES = struct.Struct("<cQcQ")
_STATUS = {STATUS_UNSET: b"\x7a\x00", STATUS_OK: b"\x7a\x02\x18\x01", STATUS_ERROR: b"\x7a\x02\x18\x02"}
_FLAGS_LOCAL = b"\x85\x01" + struct.pack("<I", FLAG_HAS_IS_REMOTE)
_FLAGS_REMOTE = b"\x85\x01" + struct.pack("<I", FLAG_HAS_IS_REMOTE | FLAG_IS_REMOTE)
_LINK_FLAGS_LOCAL = b"\x35" + struct.pack("<I", FLAG_HAS_IS_REMOTE)


def varint(number: int) -> bytes:
    """Base-128 varint; a negative number as its 64-bit two's complement, as protobuf's int64 has it."""
    if 0 <= number < 16384:
        return _LENGTHS[number]
    if number < 0:
        number += 1 << 64
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def delimited(tag: bytes, body: bytes) -> bytes:
    """A length-delimited field: tag, length, body."""
    return tag + varint(len(body)) + body


def text(value: str) -> bytes:
    """UTF-8; what cannot be encoded (lone surrogates of undecodable bytes) becomes `?`, never an error."""
    return value.encode("utf-8", "replace")


def any_value(value: AttributeValue) -> bytes:
    """An AnyValue without its own tag. Raises TypeError for anything OTLP has no type for."""
    if isinstance(value, str):
        return delimited(b"\x0a", text(value))
    if isinstance(value, bool):
        return b"\x10\x01" if value else b"\x10\x00"
    if isinstance(value, int):
        return b"\x18" + varint(value)
    if isinstance(value, float):
        return b"\x21" + struct.pack("<d", value)
    if isinstance(value, bytes):
        return delimited(b"\x3a", value)
    if isinstance(value, Sequence):
        return delimited(b"\x2a", b"".join(delimited(b"\x0a", any_value(item)) for item in value))
    raise TypeError(f"no OTLP type for {type(value).__name__}")


def key_value(key: str, value: AttributeValue) -> bytes:
    """A KeyValue message without its own tag."""
    return delimited(b"\x0a", text(key)) + delimited(b"\x12", any_value(value))


def attribute(key: str, value: AttributeValue) -> bytes:
    """One span attribute, ready to be joined into `span(attributes=…)`."""
    return delimited(b"\x4a", key_value(key, value))


def string_attribute(key: str) -> Callable[[str], bytes]:
    """A function that encodes a string attribute with this key; the key is encoded once."""
    head = delimited(b"\x0a", text(key)) + b"\x12"
    base = len(head)
    lengths = _LENGTHS

    def encode(value: str) -> bytes:
        body = value.encode("utf-8", "replace")
        size = len(body)
        if size < 120 and base + size < 16000:  # one-byte lengths inside: the usual case, without calls
            return b"\x4a%b%b%b\x0a%b%b" % (
                lengths[base + 3 + size],
                head,
                lengths[size + 2],
                lengths[size],
                body,
            )
        return delimited(b"\x4a", head[:-1] + delimited(b"\x12", delimited(b"\x0a", body)))

    return encode


def ascii_attribute(key: str) -> Callable[[bytes], bytes]:
    """A function that encodes a string attribute from text that is ASCII already: the shortest way."""
    head = delimited(b"\x0a", text(key)) + b"\x12"
    starts = [
        b"\x4a%b%b%b\x0a%b" % (varint(len(head) + 3 + n), head, varint(n + 2), varint(n)) for n in range(120)
    ]
    general = string_attribute(key)

    def encode(value: bytes) -> bytes:
        size = len(value)
        return starts[size] + value if size < 120 else general(value.decode("ascii", "replace"))

    return encode


def int_attribute(key: str) -> Callable[[int], bytes]:
    """A function that encodes an integer attribute with this key."""
    head = delimited(b"\x0a", text(key))

    def encode(value: int) -> bytes:
        return delimited(b"\x4a", head + delimited(b"\x12", b"\x18" + varint(value)))

    return encode


def double_attribute(key: str) -> Callable[[float], bytes]:
    """A function that encodes a double attribute with this key; all but the number is encoded once."""
    encoded = attribute(key, 0.0)
    head, pack = encoded[:-8], struct.Struct("<d").pack

    def encode(value: float) -> bytes:
        return head + pack(value)

    return encode


def array_element(value: str) -> bytes:
    """One string of an array attribute, ready to be joined into `array_attribute(key)`."""
    return delimited(b"\x0a", delimited(b"\x0a", text(value)))


def ascii_element(value: bytes) -> bytes:
    """`array_element` of text that is ASCII already."""
    size = len(value)
    if size < 120:
        return b"\x0a%c\x0a%c%b" % (size + 2, size, value)
    return delimited(b"\x0a", delimited(b"\x0a", value))


def array_attribute(key: str) -> Callable[[bytes], bytes]:
    """A function that encodes an array attribute with this key from joined `array_element`s."""
    head = delimited(b"\x0a", text(key))
    base, lengths = len(head), _LENGTHS

    def encode(elements: bytes) -> bytes:
        size = len(elements)
        if base + size < 16000:  # without calls: it is made for every encounter
            inside = lengths[size]
            value = 1 + len(inside) + size
            outside = lengths[value]
            length = lengths[base + 1 + len(outside) + value]
            return b"\x4a%b%b\x12%b\x2a%b%b" % (length, head, outside, inside, elements)
        return delimited(b"\x4a", head + delimited(b"\x12", delimited(b"\x2a", elements)))

    return encode


def link(trace_id: bytes, span_id: bytes, attributes: bytes = b"") -> bytes:
    """One span link, ready to be joined into `span(links=…)`; `attributes` as `link_attribute` gives them."""
    return delimited(
        b"\x6a", b"\x0a\x10%b\x12\x08%b%b%b" % (trace_id, span_id, attributes, _LINK_FLAGS_LOCAL)
    )


def link_attribute(key: str, value: AttributeValue) -> bytes:
    """One attribute of a link."""
    return delimited(b"\x22", key_value(key, value))


def span(
    trace_id: bytes,
    span_id: bytes,
    name: bytes,
    kind: int,
    start_ns: int,
    end_ns: int,
    attributes: bytes,
    *,
    status: int = STATUS_UNSET,
    parent_span_id: bytes = b"",
    parent_is_remote: bool = False,
    trace_state: str = "",
    links: bytes = b"",
) -> bytes:
    """A Span as the `spans` field of a ScopeSpans message (tag and length included).

    Joined spans of one scope are the spans of a ScopeSpans, joined ScopeSpans those of a ResourceSpans: see
    `scope_spans` and `export_request`. Times are ns since the Unix epoch. `name` is UTF-8.
    """
    head = b"\x0a\x10%b\x12\x08%b" % (trace_id, span_id)
    if trace_state:
        head += delimited(b"\x1a", text(trace_state))
    if parent_span_id:
        head += b"\x22\x08" + parent_span_id
    body = b"%b\x2a%b%b\x30%b%b%b%b%b%b" % (
        head,
        varint(len(name)),
        name,
        varint(kind),
        _TIMES.pack(b"\x39", start_ns, b"\x41", end_ns),
        attributes,
        links,
        _STATUS[status],
        _FLAGS_REMOTE if parent_is_remote else _FLAGS_LOCAL,
    )
    return b"\x12" + varint(len(body)) + body


def prepared_span(name: bytes, kind: int) -> Callable[[bytes, bytes, int, int, bytes, int], bytes]:
    """`span` for spans that share name and kind and have no parent, trace state or links.

    The function takes trace ID, span ID, start, end (ns), joined attributes and status, by position.
    """
    middle = b"\x2a%b%b\x30%b" % (varint(len(name)), name, varint(kind))
    ends = {status: encoded + _FLAGS_LOCAL for status, encoded in _STATUS.items()}
    pack, lengths = _TIMES.pack, _LENGTHS
    fixed = 2 + 16 + 2 + 8 + len(middle) + 18

    def encode(
        trace_id: bytes, span_id: bytes, start_ns: int, end_ns: int, attributes: bytes, status: int
    ) -> bytes:
        end = ends[status]
        size = fixed + len(attributes) + len(end)
        return b"\x12%b\x0a\x10%b\x12\x08%b%b%b%b%b" % (
            lengths[size] if size < 16384 else varint(size),
            trace_id,
            span_id,
            middle,
            pack(b"\x39", start_ns, b"\x41", end_ns),
            attributes,
            end,
        )

    return encode


def scope(name: str, version: str, attributes: Mapping[str, AttributeValue]) -> bytes:
    """An InstrumentationScope as the `scope` field of a ScopeSpans message."""
    body = delimited(b"\x0a", text(name))
    if version:
        body += delimited(b"\x12", text(version))
    body += b"".join(delimited(b"\x1a", key_value(key, value)) for key, value in attributes.items())
    return delimited(b"\x0a", body)


def resource(attributes: Mapping[str, AttributeValue]) -> bytes:
    """A Resource as the `resource` field of a ResourceSpans message."""
    return delimited(b"\x0a", b"".join(delimited(b"\x0a", key_value(k, v)) for k, v in attributes.items()))


def scope_spans(scope_field: bytes, spans: bytes) -> bytes:
    """A ScopeSpans as the `scope_spans` field of a ResourceSpans message."""
    return delimited(b"\x12", scope_field + spans)


def export_request(resource_field: bytes, scopes: bytes) -> bytes:
    """An ExportTraceServiceRequest with one ResourceSpans; such messages concatenate."""
    return delimited(b"\x0a", resource_field + scopes)
