"""Whatever OTLP allows, ClickHouse decodes to what the plain decoder says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from tests.store import reference
from tests.store.requests import tap_request, tap_span
from tracing.store import Store

pytestmark = pytest.mark.parametrize("store", ["embedded", "server"], indirect=True)
unhurried = settings(
    deadline=None,
    max_examples=12,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

TIMES = {"start", "events.at"}
strings = st.text(st.characters(codec="utf-8"), max_size=20)
# Long enough to cross the lengths at which protobuf takes another byte for them.
long_strings = st.integers(120, 300).map(lambda size: "x" * size)
longer_strings = st.just("x" * 16_500).map(lambda v: AnyValue(string_value=v))
short_scalars = st.one_of(
    strings.map(lambda v: AnyValue(string_value=v)),
    long_strings.map(lambda v: AnyValue(string_value=v)),
    st.booleans().map(lambda v: AnyValue(bool_value=v)),
    st.integers(-(2**63), 2**63 - 1).map(lambda v: AnyValue(int_value=v)),
    st.sampled_from([0, 1, -1, 127, 128, 2**31]).map(lambda v: AnyValue(int_value=v)),
    st.floats().map(lambda v: AnyValue(double_value=v)),
    st.sampled_from([0.0, -0.0, 1e21, 1e20, 1e-6, 1e-7, 123456.789]).map(lambda v: AnyValue(double_value=v)),
    st.binary(max_size=40).map(lambda v: AnyValue(bytes_value=v)),
    st.just(AnyValue()),
)
scalars = short_scalars | longer_strings


def collections(inner: st.SearchStrategy[AnyValue]) -> st.SearchStrategy[AnyValue]:
    arrays = st.lists(inner, max_size=4).map(lambda v: AnyValue(array_value=ArrayValue(values=v)))
    pairs = st.builds(KeyValue, key=strings, value=inner) | st.builds(KeyValue, key=strings)
    lists = st.lists(pairs, max_size=4).map(lambda v: AnyValue(kvlist_value=KeyValueList(values=v)))
    return arrays | lists


nested = collections(short_scalars | collections(short_scalars | collections(short_scalars)))
known = [*reference.OF_INTERFACE.values(), *reference.OF_MESSAGE.values(), *reference.SIZES.values()]
names = strings | st.sampled_from(
    [*known, "service.name", "integration.measure.m", "integration.attribute.a"]
)
plain_names = strings.filter(lambda name: name != "service.name")


def attributes(
    values: st.SearchStrategy[AnyValue], keys: st.SearchStrategy[str] = names
) -> st.SearchStrategy[list[KeyValue]]:
    built = st.builds(KeyValue, key=keys, value=values)
    return st.lists(built, max_size=5, unique_by=lambda attribute: attribute.key)


moments = st.integers(0, 4_102_444_800_000_000_000)  # until 2100, as far as ClickHouse's nanoseconds reach


def spans(values: st.SearchStrategy[AnyValue]) -> st.SearchStrategy[Span]:
    return st.builds(
        Span,
        trace_id=st.binary(min_size=16, max_size=16),
        span_id=st.binary(min_size=8, max_size=8),
        parent_span_id=st.sampled_from([b"", b"\0\1\2\3\4\5\6\7"]),
        trace_state=strings,
        name=strings,
        kind=st.integers(0, 5),
        start_time_unix_nano=moments,
        end_time_unix_nano=moments,
        attributes=attributes(values),
        flags=st.integers(0, 2**32 - 1),
        status=st.builds(Status, message=strings, code=st.integers(0, 2)) | st.none(),
    )


def full_spans(values: st.SearchStrategy[AnyValue]) -> st.SearchStrategy[Span]:
    events = st.builds(Span.Event, time_unix_nano=moments, name=strings, attributes=attributes(values))
    links = st.builds(
        Span.Link,
        trace_id=st.binary(min_size=16, max_size=16),
        span_id=st.binary(min_size=8, max_size=8),
        trace_state=strings,
        attributes=attributes(values),
    )

    def complete(span: Span, events: list[Span.Event], links: list[Span.Link]) -> Span:
        span.events.extend(events)
        span.links.extend(links)
        return span

    return st.builds(complete, spans(values), st.lists(events, max_size=2), st.lists(links, max_size=2))


def requests(
    values: st.SearchStrategy[AnyValue], of: st.SearchStrategy[Span]
) -> st.SearchStrategy[ExportTraceServiceRequest]:
    def scoped(name: str, version: str, of_scope: list[KeyValue], spans: list[Span]) -> ScopeSpans:
        made = ScopeSpans(spans=spans)
        made.scope.name, made.scope.version = name, version
        made.scope.attributes.extend(of_scope)
        return made

    def resource(of_resource: list[KeyValue], scopes: list[ScopeSpans]) -> ResourceSpans:
        made = ResourceSpans(scope_spans=scopes)
        made.resource.attributes.extend(of_resource)
        return made

    scopes = st.builds(scoped, strings, strings, attributes(values), st.lists(of, max_size=6))
    resources = st.builds(resource, attributes(values, plain_names), st.lists(scopes, max_size=3))
    return st.lists(resources, max_size=3).map(lambda r: ExportTraceServiceRequest(resource_spans=r))


def stored(store: Store) -> list[dict[str, Any]]:
    """What spans holds, times as nanoseconds, in no particular order."""
    columns = [row[0] for row in store.query("DESCRIBE TABLE spans").rows if row[0] != "ingested_at"]
    selected = {
        "start": "toUnixTimestamp64Nano(start)",
        "events.at": "arrayMap(t -> toUnixTimestamp64Nano(t), events.at)",
    }
    listed = ", ".join(selected.get(column, f"`{column}`") for column in columns)
    return [dict(zip(columns, row, strict=True)) for row in store.query(f"SELECT {listed} FROM spans").rows]


def in_order(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(repr(sorted((k, repr(sorted_maps(v))) for k, v in row.items())) for row in rows)


def sorted_maps(value: Any) -> Any:
    if isinstance(value, dict):
        return sorted(value.items())
    return [sorted_maps(item) for item in value] if isinstance(value, list) else value


def check(store: Store, request: ExportTraceServiceRequest) -> None:
    store.command("TRUNCATE TABLE spans")
    body = request.SerializeToString()
    # A token of its own for each example: the same body may come twice.
    store.insert_otlp(body, f"{id(request)}-{len(body)}-{next(_tokens)}")
    assert in_order(stored(store)) == in_order(reference.rows(request))


_tokens = iter(range(10**9))


@unhurried
@given(requests(scalars, spans(scalars)))
def test_spans_with_plain_attributes(store: Store, request: ExportTraceServiceRequest) -> None:
    check(store, request)


@unhurried
@given(requests(short_scalars | nested, full_spans(short_scalars | nested)))
def test_spans_with_arrays_lists_events_and_links(store: Store, request: ExportTraceServiceRequest) -> None:
    check(store, request)


def test_a_plain_span_is_the_same_row_on_either_way_in(store: Store) -> None:
    request, scope_spans = tap_request(2)
    check(store, request)
    other = tap_span(7)
    other.events.add(name="anything")
    scope_spans.spans.append(other)
    check(store, request)


def test_a_nested_value_with_too_long_or_too_many_parts_is_kept_as_a_message(
    store: Store,
) -> None:
    request, scope_spans = tap_request(0)
    span = scope_spans.spans.add(trace_id=b"\1" * 16, span_id=b"\2" * 8)
    for name, inner in {
        "long": AnyValue(array_value=ArrayValue(values=[AnyValue(string_value="x" * 20_000)])),
        "many": AnyValue(array_value=ArrayValue(values=[AnyValue(int_value=1)] * 1001)),
        "just": AnyValue(array_value=ArrayValue(values=[AnyValue(int_value=1)] * 1000)),
    }.items():
        span.attributes.add(key=name).value.array_value.values.append(inner)
    store.insert_otlp(request.SerializeToString(), "t")
    [(attributes,)] = store.query("SELECT attributes FROM spans").rows
    assert attributes["long"].startswith('[{"otlp":"')
    assert attributes["many"].startswith('[{"otlp":"')
    assert attributes["just"] == "[[" + ",".join("1" * 1000) + "]]"
