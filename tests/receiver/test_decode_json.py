"""OTLP JSON gives the very message that protobuf gives."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from collector.receiver.decode_json import decode
from collector.receiver.refusal import Refusal

TRACE = "5B8EFFF798038103D269B633813FC60C"
SPAN = "EEE19B7EC3C1B174"


def one_span(**fields: Any) -> bytes:
    span = {"traceId": TRACE, "spanId": SPAN} | fields
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()


def decoded(**fields: Any) -> Any:
    return decode(one_span(**fields)).resource_spans[0].scope_spans[0].spans[0]


def test_ids_are_hex_in_either_case() -> None:
    span = decoded(parentSpanId=SPAN.lower())
    assert span.trace_id.hex() == TRACE.lower()
    assert span.span_id == span.parent_span_id == bytes.fromhex(SPAN)


def test_a_base64_id_is_not_taken_for_an_id() -> None:
    assert decoded(spanId=base64.b64encode(bytes.fromhex(SPAN)).decode()).span_id == b""


@pytest.mark.parametrize("given", [1_544_712_660_300_000_000, "1544712660300000000", 1.5447126603e18])
def test_64_bit_integers_come_as_number_or_string(given: object) -> None:
    assert decoded(startTimeUnixNano=given).start_time_unix_nano == 1_544_712_660_300_000_000


@pytest.mark.parametrize("given", [2**64, -1, "", "1.5", 1.5, True, "0x10", "1" * 30, "²", [], {}])
def test_what_is_no_64_bit_integer_is_refused_with_its_place(given: object) -> None:
    with pytest.raises(
        Refusal, match=r"resourceSpans\[0\].scopeSpans\[0\].spans\[0\].endTimeUnixNano: expected"
    ):
        decode(one_span(endTimeUnixNano=given))


def test_enums_are_integers_only() -> None:
    assert decoded(kind=4, status={"code": 2}).kind == 4
    with pytest.raises(Refusal, match="kind: expected an integer"):
        decode(one_span(kind="SPAN_KIND_PRODUCER"))
    with pytest.raises(Refusal, match=r"status\.code: expected an integer"):
        decode(one_span(status={"code": "STATUS_CODE_ERROR"}))


def test_an_enum_of_a_later_version_is_kept() -> None:
    assert decoded(kind=77).kind == 77


def test_unknown_fields_and_snake_case_are_ignored() -> None:
    span = decoded(start_time_unix_nano=5, whatIsThis={"a": [1]}, kind=1)
    assert span.start_time_unix_nano == 0
    assert span.kind == 1


def test_null_is_absent() -> None:
    assert decoded(name=None, attributes=None, kind=None, status=None, events=None) == decoded()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"stringValue": ""}, AnyValue(string_value="")),
        ({"stringValue": "Zürich 🏥"}, AnyValue(string_value="Zürich 🏥")),
        ({"boolValue": False}, AnyValue(bool_value=False)),
        ({"intValue": "0"}, AnyValue(int_value=0)),
        ({"intValue": -5}, AnyValue(int_value=-5)),
        ({"intValue": "-9223372036854775808"}, AnyValue(int_value=-(2**63))),
        ({"doubleValue": 3}, AnyValue(double_value=3.0)),
        ({"doubleValue": "-Infinity"}, AnyValue(double_value=-math.inf)),
        ({"bytesValue": "AP8="}, AnyValue(bytes_value=b"\x00\xff")),
        ({"bytesValue": "-_8"}, AnyValue(bytes_value=b"\xfb\xff")),
        ({}, AnyValue()),
    ],
)
def test_values(given: dict[str, object], expected: AnyValue) -> None:
    (attribute,) = decoded(attributes=[{"key": "k", "value": given}]).attributes
    assert attribute.key == "k"
    assert attribute.value == expected
    assert attribute.HasField("value")


def test_nested_values() -> None:
    value = {
        "arrayValue": {
            "values": [
                {"intValue": 1},
                {},
                {"kvlistValue": {"values": [{"key": "a", "value": {"boolValue": True}}]}},
            ]
        }
    }
    found = decoded(attributes=[{"key": "k", "value": value}]).attributes[0].value.array_value.values
    assert found[0].int_value == 1
    assert found[1].WhichOneof("value") is None
    assert found[2].kvlist_value.values[0].value.bool_value is True


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"name": 5}, "name: expected a string"),
        ({"name": "\ud800"}, "name: expected text without lone surrogates"),
        ({"traceId": 5}, "traceId: expected a hexadecimal string"),
        ({"attributes": {}}, "attributes: expected an array"),
        ({"attributes": ["x"]}, r"attributes\[0\]: expected an object"),
        ({"attributes": [{"key": "k", "value": 1}]}, r"attributes\[0\].value: expected an object"),
        ({"attributes": [{"key": "k", "value": {"boolValue": 1}}]}, "boolValue: expected true or false"),
        ({"attributes": [{"key": "k", "value": {"bytesValue": "?"}}]}, "bytesValue: expected base64"),
        ({"attributes": [{"key": "k", "value": {"doubleValue": "x"}}]}, "doubleValue: expected a number"),
        ({"attributes": [{"key": "k", "value": {"arrayValue": {"values": 1}}}]}, "values: expected an array"),
        ({"events": [5]}, r"events\[0\]: expected an object"),
        ({"links": [{"flags": -1}]}, r"links\[0\].flags: expected an integer"),
        ({"status": []}, "status: expected an object"),
    ],
)
def test_a_wrong_type_is_refused_with_its_place(fields: dict[str, object], place: str) -> None:
    with pytest.raises(Refusal, match=place) as caught:
        decode(one_span(**fields))
    assert caught.value.http == 400
    assert caught.value.violations


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"nope",
        b"{",
        b'"x"',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a": ' + b"1" * 10_000 + b"}",
        b"null",
    ],
)
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(Refusal) as caught:
        decode(body)
    assert caught.value.http == 400


def test_an_error_never_quotes_a_value() -> None:
    with pytest.raises(Refusal) as caught:
        decode(one_span(name=["MRN 4711"], kind=1))
    assert "4711" not in caught.value.message


def test_nesting_has_an_end() -> None:
    value: dict[str, object] = {"intValue": 1}
    for _ in range(200):
        value = {"arrayValue": {"values": [value]}}
    with pytest.raises(Refusal, match="levels of nested values"):
        decode(one_span(attributes=[{"key": "k", "value": value}]))


texts = st.text(st.characters(codec="utf-8"), max_size=12)
uint32 = st.integers(0, 2**32 - 1)
uint64 = st.integers(0, 2**64 - 1)


def numbers(strategy: st.SearchStrategy[int]) -> st.SearchStrategy[Any]:
    """Both encodings of an integer."""
    return strategy.flatmap(lambda number: st.sampled_from([number, str(number)]))


any_values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.builds(lambda text: {"stringValue": text}, texts),
        st.builds(lambda flag: {"boolValue": flag}, st.booleans()),
        st.builds(lambda number: {"intValue": number}, numbers(st.integers(-(2**63), 2**63 - 1))),
        st.builds(lambda number: {"doubleValue": number}, st.floats(allow_nan=False, allow_infinity=False)),
        st.builds(lambda data: {"bytesValue": base64.b64encode(data).decode()}, st.binary(max_size=8)),
        st.just({}),
    ),
    lambda inner: st.one_of(
        st.builds(lambda values: {"arrayValue": {"values": values}}, st.lists(inner, max_size=3)),
        st.builds(
            lambda pairs: {"kvlistValue": {"values": [{"key": key, "value": value} for key, value in pairs]}},
            st.lists(st.tuples(texts, inner), max_size=3),
        ),
    ),
    max_leaves=8,
)
attribute_lists = st.lists(
    st.builds(lambda key, value: {"key": key, "value": value}, texts, any_values), max_size=4
)
hex_ids = {size: st.binary(min_size=size, max_size=size).map(bytes.hex) for size in (8, 16)}
events = st.fixed_dictionaries(
    {"timeUnixNano": numbers(uint64), "name": texts}, optional={"attributes": attribute_lists}
)
links = st.fixed_dictionaries(
    {"traceId": hex_ids[16], "spanId": hex_ids[8]},
    optional={"flags": uint32, "attributes": attribute_lists, "traceState": texts},
)
spans = st.fixed_dictionaries(
    {"traceId": hex_ids[16], "spanId": hex_ids[8]},
    optional={
        "parentSpanId": hex_ids[8],
        "traceState": texts,
        "name": texts,
        "kind": st.integers(0, 5),
        "flags": uint32,
        "startTimeUnixNano": numbers(uint64),
        "endTimeUnixNano": numbers(uint64),
        "attributes": attribute_lists,
        "droppedAttributesCount": uint32,
        "events": st.lists(events, max_size=2),
        "droppedEventsCount": uint32,
        "links": st.lists(links, max_size=2),
        "droppedLinksCount": uint32,
        "status": st.fixed_dictionaries({}, optional={"code": st.integers(0, 2), "message": texts}),
    },
)
requests = st.fixed_dictionaries(
    {
        "resourceSpans": st.lists(
            st.fixed_dictionaries(
                {
                    "resource": st.fixed_dictionaries({}, optional={"attributes": attribute_lists}),
                    "scopeSpans": st.lists(
                        st.fixed_dictionaries(
                            {"spans": st.lists(spans, max_size=3)},
                            optional={
                                "schemaUrl": texts,
                                "scope": st.fixed_dictionaries(
                                    {"name": texts, "version": texts},
                                    optional={"attributes": attribute_lists},
                                ),
                            },
                        ),
                        max_size=2,
                    ),
                }
            ),
            max_size=2,
        )
    }
)


def base64_ids(document: Any) -> Any:
    """The document as protobuf's own JSON reader wants it: ids in base64."""
    if isinstance(document, list):
        return [base64_ids(item) for item in document]
    if isinstance(document, dict):
        return {
            name: base64.b64encode(bytes.fromhex(value)).decode()
            if name in ("traceId", "spanId", "parentSpanId")
            else base64_ids(value)
            for name, value in document.items()
        }
    return document


@settings(max_examples=150, deadline=None)
@given(requests)
def test_the_result_is_what_protobufs_own_reader_gives(document: dict[str, Any]) -> None:
    from google.protobuf import json_format  # type: ignore[import-untyped,unused-ignore]

    expected = ExportTraceServiceRequest()
    json_format.ParseDict(base64_ids(document), expected)
    assert decode(json.dumps(document).encode()) == expected
