"""OTLP bodies as they arrive become rows: decoded by the engine, once."""

from __future__ import annotations

import pytest

from tests.store.requests import ACCOUNT, MRN, VISIT, tap_request
from tracing.store import Store, StoreRefused

pytestmark = pytest.mark.parametrize("store", ["embedded", "server"], indirect=True)


def test_a_tap_span_fills_the_columns_and_leaves_little_in_the_maps(store: Store) -> None:
    store.insert_otlp(tap_request()[0].SerializeToString(), "t")
    answer = store.query("SELECT * FROM spans")
    [row] = answer.rows
    span = dict(zip(answer.names, row, strict=True))
    assert span["trace_id"] == VISIT
    assert span["span_id"] == "0" * 16
    assert span["duration_ns"] == 2_000_000
    assert (span["name"], span["kind"], span["status_code"]) == ("forward ehr-adt", "Producer", "Unset")
    assert (span["interface"], span["source"], span["destination"]) == ("ehr-adt", "ehr", "engine")
    assert (span["facility"], span["system"], span["message"]) == ("NSH", "hl7v2", "ADT^A03")
    assert (span["outcome"], span["ack_code"], span["control_id"]) == ("accepted", "AA", "MSG1")
    assert (span["bytes"], span["ack_bytes"]) == (1250, 97)
    assert span["key_kinds"] == ["visit", "account", "mrn"]
    assert span["key_tokens"] == [VISIT, ACCOUNT, MRN]
    assert span["measures"] == {"amount": 12.5}
    assert span["tags"] == {"patient_class": "I"}
    assert span["attributes"] == {"messaging.operation.name": "forward"}
    assert span["service_name"] == "caretrail-tap"
    assert span["resource_attributes"] == {"caretrail.site": "NSH"}
    assert span["scope_attributes"] == {}
    [(start,)] = store.query("SELECT toUnixTimestamp64Nano(start) FROM spans").rows
    assert start == 1_764_000_000_000_000_001


def test_keys_keep_their_authority_and_sealed_value_and_pairs_leave_out_record_numbers(store: Store) -> None:
    store.insert_otlp(tap_request()[0].SerializeToString(), "t")
    keys = store.query("SELECT token, kind, authority, sealed FROM keys ORDER BY token").rows
    assert keys == [
        (VISIT, "visit", "NSH", "c2VhbGVkIHZpc2l0"),
        (ACCOUNT, "account", "North:South", "x" * 300),
        (MRN, "mrn", "NSH", "c2VhbGVkIG1ybg=="),
    ]
    facts = [fact.split(",")[:5] for (fact,) in store.query("SELECT fact FROM key_facts ORDER BY fact").rows]
    links = [fact[1:] for fact in facts if fact[0] == "l"]
    assert links == [[VISIT, "visit", ACCOUNT, "account"], [ACCOUNT, "account", VISIT, "visit"]]


def test_bodies_one_after_another_are_one_insert(store: Store) -> None:
    first, second = tap_request()[0], tap_request(3)[0]
    store.insert_otlp(first.SerializeToString() + second.SerializeToString(), "t")
    assert store.query("SELECT count() FROM spans").rows == [(4,)]


def test_the_same_token_stores_nothing_twice_in_any_target(store: Store) -> None:
    body = tap_request(5)[0].SerializeToString()
    tables = ("spans", "keys", "key_facts", "interface_minute")
    store.insert_otlp(body, "same")
    once = [store.query(f"SELECT count() FROM {table}").rows for table in tables]
    store.insert_otlp(body, "same")
    assert [store.query(f"SELECT count() FROM {table}").rows for table in tables] == once
    store.insert_otlp(body, "other")
    assert store.query("SELECT count() FROM spans FINAL").rows == [(5,)]
    assert store.query("SELECT uniqMerge(spans) FROM interface_minute").rows == [(5,)]


def test_the_interface_of_a_span_goes_before_that_of_its_scope(store: Store) -> None:
    request, scope_spans = tap_request()
    scope_spans.spans[0].attributes.add(key="integration.facility").value.string_value = "NSH-NORTH"
    store.insert_otlp(request.SerializeToString(), "t")
    assert store.query("SELECT facility FROM spans").rows == [("NSH-NORTH",)]


def test_an_attribute_of_another_type_than_its_column_stays_in_the_map(store: Store) -> None:
    request, scope_spans = tap_request(0)
    span = scope_spans.spans.add(trace_id=b"\1" * 16, span_id=b"\2" * 8)
    span.attributes.add(key="integration.message").value.int_value = 837
    span.attributes.add(key="messaging.message.body.size").value.int_value = -1
    span.attributes.add(key="journey.keys").value.string_value = "not a list"
    store.insert_otlp(request.SerializeToString(), "t")
    assert store.query("SELECT message, bytes, key_tokens, attributes FROM spans").rows == [
        (
            "",
            0,
            [],
            {
                "integration.message": "837",
                "messaging.message.body.size": "-1",
                "journey.keys": "not a list",
            },
        )
    ]


def test_one_span_with_more_than_plain_attributes_takes_its_whole_body_along_once(store: Store) -> None:
    request, scope_spans = tap_request(50)
    scope_spans.spans[-1].events.add(name="exception").attributes.add(key="type").value.string_value = "Late"
    for _ in range(2):
        store.insert_otlp(request.SerializeToString(), "mixed")
    assert store.query("SELECT count(), uniqExact(span_id), sum(notEmpty(events.at)) FROM spans").rows == [
        (50, 50, 1)
    ]


def test_a_body_that_is_no_otlp_is_refused_and_nothing_stored(store: Store) -> None:
    whole = tap_request(3)[0].SerializeToString()
    for body in (b"\xff\xff\xff garbage", whole[:-20]):
        with pytest.raises(StoreRefused):
            store.insert_otlp(body, f"bad {len(body)}")
    assert store.query("SELECT count() FROM spans").rows == [(0,)]
