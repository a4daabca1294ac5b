"""The reference of the ingest benchmark: OTLP decoded in Python, columns inserted by clickhouse-connect.

Written as well as it can be without another language: C protobuf parser, one pass a span, columns instead of
rows, one client and one thread each, batches as large as the log's segments. The views of the spans table run
as they do for the other way; the keys, which have no view to fill them from spans, are inserted beside them.
"""

from __future__ import annotations

import argparse
import queue
import resource
import threading
import time
from datetime import UTC, datetime
from typing import Any

from clickhouse_connect.driver import create_client
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tracing import attributes as names

SPAN_COLUMNS = {
    "trace_id": "String",
    "span_id": "String",
    "parent_span_id": "String",
    "start": "DateTime64(9, 'UTC')",
    "duration_ns": "UInt64",
    "name": "LowCardinality(String)",
    "kind": "LowCardinality(String)",
    "status_code": "LowCardinality(String)",
    "service_name": "LowCardinality(String)",
    "scope_name": "LowCardinality(String)",
    "interface": "LowCardinality(String)",
    "source": "LowCardinality(String)",
    "destination": "LowCardinality(String)",
    "facility": "LowCardinality(String)",
    "system": "LowCardinality(String)",
    "message": "LowCardinality(String)",
    "operation": "LowCardinality(String)",
    "outcome": "LowCardinality(String)",
    "ack_code": "LowCardinality(String)",
    "reason": "LowCardinality(String)",
    "control_id": "String",
    "conversation_id": "String",
    "bytes": "UInt32",
    "ack_bytes": "UInt32",
    "key_kinds": "Array(LowCardinality(String))",
    "key_tokens": "Array(String)",
    "measures": "Map(LowCardinality(String), Float64)",
    "tags": "Map(LowCardinality(String), String)",
    "attributes": "Map(LowCardinality(String), String)",
    "resource_attributes": "Map(LowCardinality(String), String)",
    "scope_attributes": "Map(LowCardinality(String), String)",
    "flags": "UInt32",
}
KEY_COLUMNS = {
    "token": "String",
    "kind": "LowCardinality(String)",
    "authority": "LowCardinality(String)",
    "sealed": "String",
    "first_seen": "DateTime64(3, 'UTC')",
}
KINDS = ("Unspecified", "Internal", "Server", "Client", "Producer", "Consumer")
STATUSES = ("Unset", "Ok", "Error")
_TEXTS = {
    names.MESSAGE: "message",
    names.OPERATION: "operation",
    names.OUTCOME: "outcome",
    names.ACK_CODE: "ack_code",
    names.REASON: "reason",
    names.MESSAGE_ID: "control_id",
    names.CONVERSATION_ID: "conversation_id",
}
_NUMBERS = {names.BODY_SIZE: "bytes", names.ACK_SIZE: "ack_bytes"}
_FACTS = {
    names.INTERFACE: "interface",
    names.SOURCE: "source",
    names.DESTINATION: "destination",
    names.FACILITY: "facility",
    names.SYSTEM: "system",
}


def run(options: argparse.Namespace, url: str) -> dict[str, Any]:
    """Decode and insert `options.python_spans` of the prepared spans; the figures."""
    from benchmarks.ingest_roles import bodies
    from tracing.store import open_store

    segments: queue.SimpleQueue[list[bytes] | None] = queue.SimpleQueue()
    spans = size = inserts = 0
    part: list[bytes] = []
    for body, number in bodies(options.folder):
        if spans >= options.python_spans:
            break
        part.append(bytes(body))
        spans += number
        size += len(body)
        if size >= options.segment_mib << 20:
            segments.put(part)
            part, size, inserts = [], 0, inserts + 1
    if part:
        segments.put(part)
        inserts += 1
    for _ in range(options.threads):
        segments.put(None)
    path = url.removeprefix("chdb://")
    with open_store(url) as store:

        def work() -> None:
            client = create_client(interface="chdb", path=path, settings={"async_insert": 0})
            client.database = store.database
            while (found := segments.get()) is not None:
                _insert(client, found)
            client.close()

        before, began = _cpu_seconds(), time.perf_counter()
        threads = [threading.Thread(target=work) for _ in range(options.threads)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds, used = time.perf_counter() - began, _cpu_seconds() - before
        rows = store.query("SELECT uniqExact(span_id) FROM spans").rows[0][0]
    return {
        "spans": spans,
        "rows": rows,
        "seconds": seconds,
        "cpu_seconds": used,
        "inserts": inserts,
        "resident_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _insert(client: Any, part: list[bytes]) -> None:
    columns, keys = decode(b"".join(part))
    for table, types, data in (("spans", SPAN_COLUMNS, columns), ("keys", KEY_COLUMNS, keys)):
        client.insert(
            table,
            data,
            column_names=list(types),
            column_type_names=list(types.values()),
            column_oriented=True,
        )


def decode(body: bytes) -> tuple[list[list[Any]], list[list[Any]]]:
    """The columns of the spans and of their keys."""
    column: dict[str, list[Any]] = {name: [] for name in SPAN_COLUMNS}
    keys: dict[str, tuple[str, str, str, int]] = {}
    request = ExportTraceServiceRequest.FromString(body)
    for resource_spans in request.resource_spans:
        about = {item.key: item.value.string_value for item in resource_spans.resource.attributes}
        for scope_spans in resource_spans.scope_spans:
            scope = {item.key: item.value.string_value for item in scope_spans.scope.attributes}
            facts = {_FACTS[name]: value for name, value in scope.items() if name in _FACTS}
            facts |= {"service_name": about.get(names.SERVICE_NAME, ""), "scope_name": scope_spans.scope.name}
            for span in scope_spans.spans:
                row: dict[str, Any] = dict(facts)
                measures: dict[str, float] = {}
                tags: dict[str, str] = {}
                others: dict[str, str] = {}
                kinds: list[str] = []
                tokens: list[str] = []
                sealed: list[str] = []
                authorities: list[str] = []
                for item in span.attributes:
                    name, value = item.key, item.value
                    if (target := _TEXTS.get(name)) is not None:
                        row[target] = value.string_value
                    elif (target := _NUMBERS.get(name)) is not None:
                        row[target] = value.int_value
                    elif name == names.KEYS:
                        for reference in value.array_value.values:
                            kind, authority, token = reference.string_value.split(":")
                            kinds.append(kind)
                            authorities.append(authority)
                            tokens.append(token)
                    elif name == names.KEYS_SEALED:
                        sealed = [one.string_value for one in value.array_value.values]
                    elif name.startswith(names.MEASURE):
                        measures[name[len(names.MEASURE) :]] = value.double_value
                    elif name.startswith(names.TAG):
                        tags[name[len(names.TAG) :]] = value.string_value
                    else:
                        kind = value.WhichOneof("value")
                        others[name] = str(getattr(value, kind)) if kind else ""
                start = span.start_time_unix_nano
                row["trace_id"] = span.trace_id.hex()
                row["span_id"] = span.span_id.hex()
                row["parent_span_id"] = span.parent_span_id.hex()
                row["start"] = start
                row["duration_ns"] = span.end_time_unix_nano - start
                row["name"] = span.name
                row["kind"] = KINDS[span.kind]
                row["status_code"] = STATUSES[span.status.code]
                row["key_kinds"], row["key_tokens"] = kinds, tokens
                row["measures"], row["tags"], row["attributes"] = measures, tags, others
                row["resource_attributes"], row["scope_attributes"] = about, scope
                row["flags"] = span.flags
                for name, values in column.items():
                    values.append(row.get(name, 0 if name in ("bytes", "ack_bytes") else ""))
                for place, token in enumerate(tokens):
                    if token not in keys:
                        keys[token] = (kinds[place], authorities[place], sealed[place], start)
    return list(column.values()), [
        list(keys),
        [key[0] for key in keys.values()],
        [key[1] for key in keys.values()],
        [key[2] for key in keys.values()],
        [datetime.fromtimestamp(key[3] / 1e9, UTC) for key in keys.values()],
    ]
