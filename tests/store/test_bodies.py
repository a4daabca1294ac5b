"""Sealed bodies lie apart from the spans, and go when their time is over."""

from __future__ import annotations

import time

import pytest

from tracing import spans
from tracing.store import Store
from tracing.store.retention import keep_bodies

pytestmark = pytest.mark.parametrize("store", ["embedded", "server"], indirect=True)


def request(at_ns: int, **attributes: str) -> bytes:
    encoded = b"".join(
        spans.attribute(f"integration.{name}.sealed" if name in ("body", "answer") else name, value)
        for name, value in attributes.items()
    )
    span = spans.span(b"t" * 16, b"s" * 8, b"forward a", spans.KIND_PRODUCER, at_ns, at_ns, encoded)
    scope = spans.scope("caretrail.tap", "1", {"integration.interface": "ehr-adt"})
    return spans.export_request(spans.resource({}), spans.scope_spans(scope, span))


def test_bodies_are_kept_apart(store: Store) -> None:
    store.insert_otlp(request(time.time_ns(), body="AbC", answer="dEf", other="stays"), "one")
    assert store.query("SELECT attributes FROM spans").rows == [({"other": "stays"},)]
    assert store.query("SELECT trace_id, span_id, interface, body, answer FROM bodies").rows == [
        ((b"t" * 16).hex(), (b"s" * 8).hex(), "ehr-adt", "AbC", "dEf")
    ]


def test_a_span_without_a_body_has_none(store: Store) -> None:
    store.insert_otlp(request(time.time_ns(), other="stays"), "one")
    assert store.query("SELECT count() FROM bodies").rows == [(0,)]


def test_a_body_whose_time_is_over_is_gone_and_its_span_stays(store: Store) -> None:
    long_ago = time.time_ns() - 31 * 86_400_000_000_000
    store.insert_otlp(request(long_ago, body="AbC"), "one")
    store.command("OPTIMIZE TABLE bodies FINAL")
    assert store.query("SELECT count() FROM bodies").rows == [(0,)]
    assert store.query("SELECT count() FROM spans").rows == [(1,)]


def test_the_period_is_a_setting(store: Store) -> None:
    def ttl() -> str:
        sql = (
            "SELECT create_table_query FROM system.tables "
            "WHERE database = currentDatabase() AND name = 'bodies'"
        )
        return str(store.query(sql).rows[0][0]).partition("TTL ")[2].partition(" SETTINGS")[0]

    assert ttl().endswith("toIntervalDay(30)")
    keep_bodies(store, 7)
    assert ttl().endswith("toIntervalDay(7)")
    keep_bodies(store, 7)
    assert store.check() == []
    keep_bodies(store, 30)
