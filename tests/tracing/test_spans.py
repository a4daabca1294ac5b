"""Spans written by hand are, byte for byte, what the OpenTelemetry SDK exports for the same span."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanKind, Status, StatusCode, TraceState

from tracing import spans

TRACE = bytes(range(1, 17))
SPAN = bytes(range(21, 29))
PARENT = bytes(range(31, 39))

identifiers = st.binary(min_size=16, max_size=16).filter(any)
span_identifiers = st.binary(min_size=8, max_size=8).filter(any)
texts = st.text(st.characters(blacklist_categories=["Cs"]), max_size=300)
scalars = st.one_of(
    texts,
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
)
values = st.one_of(scalars, st.lists(texts, max_size=5).map(tuple))
attribute_sets = st.dictionaries(texts.filter(bool), values, max_size=8)


def context(
    trace_id: bytes, span_id: bytes, remote: bool = False, state: TraceState | None = None
) -> trace.SpanContext:
    return trace.SpanContext(
        int.from_bytes(trace_id, "big"),
        int.from_bytes(span_id, "big"),
        remote,
        trace_state=state or TraceState(),
    )


def exported(span: ReadableSpan) -> bytes:
    return bytes(encode_spans([span]).SerializeToString())


@given(
    trace_id=identifiers,
    span_id=span_identifiers,
    parent=st.none() | st.tuples(span_identifiers, st.booleans()),
    name=texts.filter(bool),
    kind=st.sampled_from(list(SpanKind)),
    start=st.integers(1, 2**63 - 1),
    duration=st.integers(0, 2**40),
    attributes=attribute_sets,
    link=st.none() | st.tuples(identifiers, span_identifiers, attribute_sets),
    status=st.sampled_from([StatusCode.UNSET, StatusCode.OK, StatusCode.ERROR]),
    scope_attributes=attribute_sets,
    resource_attributes=attribute_sets,
)
def test_equals_the_sdk_export(
    trace_id: bytes,
    span_id: bytes,
    parent: tuple[bytes, bool] | None,
    name: str,
    kind: SpanKind,
    start: int,
    duration: int,
    attributes: dict[str, spans.AttributeValue],
    link: tuple[bytes, bytes, dict[str, spans.AttributeValue]] | None,
    status: StatusCode,
    scope_attributes: dict[str, spans.AttributeValue],
    resource_attributes: dict[str, spans.AttributeValue],
) -> None:
    sdk = ReadableSpan(
        name=name,
        context=context(trace_id, span_id),
        parent=context(trace_id, parent[0], parent[1]) if parent else None,
        resource=Resource(resource_attributes),
        attributes=attributes,
        links=[Link(context(link[0], link[1]), link[2])] if link else [],
        kind=kind,
        instrumentation_scope=InstrumentationScope("caretrail.tap", "0.1.0", None, scope_attributes),
        status=Status(status),
        start_time=start,
        end_time=start + duration,
    )
    links = b""
    if link:
        links = spans.link(link[0], link[1], b"".join(spans.link_attribute(k, v) for k, v in link[2].items()))
    ours = spans.export_request(
        spans.resource(resource_attributes),
        spans.scope_spans(
            spans.scope("caretrail.tap", "0.1.0", scope_attributes),
            spans.span(
                trace_id,
                span_id,
                name.encode(),
                kind.value + 1,
                start,
                start + duration,
                b"".join(spans.attribute(key, value) for key, value in attributes.items()),
                status=status.value,
                parent_span_id=parent[0] if parent else b"",
                parent_is_remote=parent[1] if parent else False,
                links=links,
            ),
        ),
    )
    assert ours == exported(sdk)


def test_trace_state_is_kept() -> None:
    state = TraceState([("vendor", "abc"), ("other", "1")])
    sdk = ReadableSpan(
        name="forward ehr-adt",
        context=context(TRACE, SPAN, state=state),
        resource=Resource({}),
        start_time=1,
        end_time=2,
    )
    ours = spans.span(
        TRACE, SPAN, b"forward ehr-adt", spans.KIND_INTERNAL, 1, 2, b"", trace_state="vendor=abc,other=1"
    )
    request = ExportTraceServiceRequest.FromString(
        spans.export_request(spans.resource({}), spans.scope_spans(b"", ours))
    )
    expected = encode_spans([sdk]).resource_spans[0].scope_spans[0].spans[0]
    assert request.resource_spans[0].scope_spans[0].spans[0] == expected


@given(key=st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=150), value=texts)
def test_prepared_encoders_equal_the_general_one(key: str, value: str) -> None:
    assert spans.string_attribute(key)(value) == spans.attribute(key, value)
    assert spans.int_attribute(key)(len(value)) == spans.attribute(key, len(value))
    assert spans.array_attribute(key)(spans.array_element(value) * 2) == spans.attribute(key, (value, value))


@given(
    key=st.text(st.characters(codec="ascii"), min_size=1, max_size=150),
    value=st.text(st.characters(codec="ascii")),
)
def test_the_ascii_encoder_equals_the_general_one(key: str, value: str) -> None:
    assert spans.ascii_attribute(key)(value.encode("ascii")) == spans.attribute(key, value)
    assert spans.ascii_attribute(key)(b"x" * 500) == spans.attribute(key, "x" * 500)


@given(
    name=texts.filter(bool),
    kind=st.integers(1, 5),
    start=st.integers(0, 2**63),
    attributes=attribute_sets,
    padding=st.sampled_from([0, 100, 20_000]),
    status=st.integers(0, 2),
)
def test_a_prepared_span_equals_the_general_one(
    name: str,
    kind: int,
    start: int,
    attributes: dict[str, spans.AttributeValue],
    padding: int,
    status: int,
) -> None:
    joined = b"".join(spans.attribute(key, value) for key, value in attributes.items())
    joined += spans.attribute("padding", "x" * padding)
    general = spans.span(TRACE, SPAN, name.encode(), kind, start, start + 5, joined, status=status)
    assert spans.prepared_span(name.encode(), kind)(TRACE, SPAN, start, start + 5, joined, status) == general


def test_several_requests_concatenate_into_one() -> None:
    one = spans.export_request(
        spans.resource({"service.name": "a"}), spans.scope_spans(spans.scope("s", "", {}), b"")
    )
    assert len(ExportTraceServiceRequest.FromString(one + one).resource_spans) == 2


def test_text_that_utf8_cannot_hold_never_raises() -> None:
    assert spans.string_attribute("k")("a\udcffb") == spans.attribute("k", "a?b")


def test_a_value_without_an_otlp_type_is_refused() -> None:
    with pytest.raises(TypeError, match="no OTLP type"):
        spans.any_value(object())  # type: ignore[arg-type]
