"""Lineage from a real store: what the taps and the engine adapter wrote is what the arrows rest on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tracing.lineage import read
from tracing.store import Store

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
COLUMNS = (
    "trace_id", "span_id", "parent_span_id", "start", "duration_ns", "interface", "source", "destination",
    "message", "operation", "control_id", "key_kinds", "key_tokens", "attributes", "links.trace_id",
    "links.span_id", "links.trace_state", "links.attributes",
)  # fmt: skip


def row(span: str, at_s: int, way: str, message: str, **more: object) -> tuple[object, ...]:
    source, destination = way.split(">")
    given: dict[str, object] = {
        "parent_span_id": "", "operation": "", "control_id": "", "key_kinds": ["mrn", "account", "visit"],
        "key_tokens": ["m1", "a1", "v1"], "attributes": {}, "links.trace_id": [], "links.span_id": [], **more,
    }  # fmt: skip
    linked = len(given["links.span_id"])  # type: ignore[arg-type]
    given |= {
        "trace_id": "t1", "span_id": span, "start": NOON + timedelta(seconds=at_s), "duration_ns": 20_000_000,
        "interface": way, "source": source, "destination": destination, "message": message,
        "links.trace_state": [""] * linked, "links.attributes": [{}] * linked,
    }  # fmt: skip
    return tuple(given[name] for name in COLUMNS)


def test_every_kind_of_evidence_is_read_from_the_store(store: Store) -> None:
    rows = [
        row("in", 0, "ehr>engine", "ADT^A03"),
        row("out", 2, "engine>billing", "ADT^A03"),
        row("claim", 60, "billing>clearing", "837", key_kinds=["account"], key_tokens=["a1"]),
        row("taken", 90, "clearing>billing", "999", **{"links.trace_id": ["t1"], "links.span_id": ["claim"]}),
        row("posted", 95, "engine>erp", "", operation="POST /journals", parent_span_id="in"),
        row("made", 97, "oie>oie", "", key_kinds=[], key_tokens=[], attributes={"engine.message": "c:1"}),
        row(
            "next",
            98,
            "oie>oie",
            "",
            key_kinds=[],
            key_tokens=[],
            attributes={"engine.source_message": "c:1"},
        ),
    ]
    patient = {"key_kinds": ["mrn"], "key_tokens": ["m1"]}
    rows += [
        row("merged", 99, "ehr>engine", "ADT^A40", **patient),
        row("told", 100, "engine>billing", "ADT^A40", **patient),
    ]
    store.insert("spans", COLUMNS, [*rows, rows[1]])
    spans = ["in", "out", "claim", "taken", "posted", "made", "next", "merged", "told", "unknown"]
    found = {
        (one.cause, one.effect): (one.basis, one.certainty) for one in read.lineage(store, ["t1"], spans)
    }
    assert found == {
        ("in", "out"): ("key", "probable"),
        ("out", "claim"): ("key", "probable"),
        ("claim", "taken"): ("link", "certain"),
        ("in", "posted"): ("context", "certain"),
        ("made", "next"): ("engine", "certain"),
        ("merged", "told"): ("key", "probable"),
    }
    (first, *_) = read.messages(store, ["t1"], ["in"])
    assert [key.kind for key in first.keys] == ["visit", "account"]
    assert read.lineage(store, ["t1"], []) == []
