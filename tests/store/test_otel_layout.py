"""The layout of the OpenTelemetry Collector's ClickHouse exporter, read and written."""

from __future__ import annotations

import pytest

from tests.store.requests import ACCOUNT, VISIT, tap_request
from tracing.store import Store

pytestmark = pytest.mark.parametrize("store", ["embedded", "server"], indirect=True)

# The columns of the exporter's own table, in its order (opentelemetry-collector-contrib, clickhouseexporter).
EXPORTER_COLUMNS = [
    *("Timestamp", "TraceId", "SpanId", "ParentSpanId", "TraceState", "SpanName", "SpanKind", "ServiceName"),
    *("ResourceAttributes", "ScopeName", "ScopeVersion", "SpanAttributes", "Duration", "StatusCode"),
    *("StatusMessage", "Events.Timestamp", "Events.Name", "Events.Attributes"),
    *("Links.TraceId", "Links.SpanId", "Links.TraceState", "Links.Attributes"),
]


def columns(store: Store, table: str) -> list[str]:
    return [row[0] for row in store.query(f"DESCRIBE TABLE {table}").rows]


def test_the_view_and_the_entrance_have_the_columns_of_the_exporter(store: Store) -> None:
    assert columns(store, "otel_traces") == EXPORTER_COLUMNS
    assert columns(store, "otel_traces_in") == EXPORTER_COLUMNS


def test_a_tap_span_is_seen_through_the_view_with_its_attributes(store: Store) -> None:
    store.insert_otlp(tap_request()[0].SerializeToString(), "t")
    [(service, kind, attributes, duration)] = store.query(
        "SELECT ServiceName, SpanKind, SpanAttributes, Duration FROM otel_traces"
    ).rows
    assert (service, kind, duration) == ("caretrail-tap", "Producer", 2_000_000)
    assert attributes["integration.interface"] == "ehr-adt"
    assert attributes["messaging.message.body.size"] == "1250"
    assert attributes["integration.attribute.patient_class"] == "I"
    assert attributes["integration.measure.amount"] == "12.5"
    assert attributes["messaging.operation.name"] == "forward"


def test_a_span_from_a_stock_collector_is_a_span_like_any_other(store: Store) -> None:
    store.command(
        """INSERT INTO otel_traces_in (Timestamp, TraceId, SpanId, SpanName, SpanKind, ServiceName,
            ResourceAttributes, SpanAttributes, Duration, StatusCode) SELECT
            toDateTime64('2026-03-01 08:00:00.5', 9, 'UTC'), {trace:String}, 'aaaaaaaaaaaaaaaa', 'forward',
            'Producer', 'caretrail-tap',
            map('service.name', 'caretrail-tap', 'integration.interface', 'ehr-adt'),
            map('integration.message', 'ADT^A03', 'journey.keys', {keys:String}, 'other', 'x',
                'integration.measure.amount', '2.5', 'messaging.message.body.size', '17'), 1000, 'Unset'""",
        {"trace": VISIT.upper(), "keys": f'["visit:NSH:{VISIT}","account:NSH:{ACCOUNT}"]'},
    )
    [row] = store.query(
        "SELECT trace_id, interface, message, key_kinds, key_tokens, attributes, measures, bytes FROM spans"
    ).rows
    assert row == (
        VISIT,
        "ehr-adt",
        "ADT^A03",
        ["visit", "account"],
        [VISIT, ACCOUNT],
        {"other": "x"},
        {"amount": 2.5},
        17,
    )
    assert store.query("SELECT count() FROM key_facts WHERE startsWith(fact, 'l,')").rows == [(2,)]


def test_the_bounds_of_a_trace_hold_its_spans(store: Store) -> None:
    store.insert_otlp(tap_request(3)[0].SerializeToString(), "t")
    [(trace, inside)] = store.query(
        """SELECT TraceId, min(Start <= start AND start + toIntervalNanosecond(duration_ns) <= End)
        FROM otel_traces_trace_id_ts INNER JOIN spans ON trace_id = TraceId GROUP BY TraceId"""
    ).rows
    assert (trace, inside) == (VISIT, 1)
