"""How OTLP enters: the table, the format and the settings with which ClickHouse decodes it by itself.

Used by `Store.insert_otlp` only. Must never look into a body: decoding is the engine's work.
"""

from __future__ import annotations

from typing import Any

from tracing.store.statements import load_sql

PLAIN_TABLE = "otlp_in"
NESTED_TABLE = "otlp_nested_in"
# FUNCTION_THROW_IF_VALUE_IS_NON_ZERO: the view of otlp_in says that a body has more than plain attributes.
NOT_PLAIN = 395
OTLP_FORMAT = "ProtobufSingle"


_SCHEMAS = {PLAIN_TABLE: "otlp_plain.proto", NESTED_TABLE: "otlp.proto"}


def ingest_settings(table: str, token: str) -> dict[str, Any]:
    """Settings of one OTLP insert into one of the two tables. Repeated messages of the format concatenate, so
    that any number of requests one after another decode as one row."""
    return {
        "format_schema_source": "string",
        "format_schema": load_sql("tracing.store", _SCHEMAS[table]),
        "format_schema_message_name": "ExportTraceServiceRequest",
        # Tells false and 0 from absent: the column `kind` names the field of the oneof that was there.
        "input_format_protobuf_oneof_presence": 1,
        "insert_deduplication_token": token,
        # The tables replace equal rows when they merge; doing it in every insert costs and decides nothing.
        "optimize_on_insert": 0,
        # The branches of the plain views are cheaper to compute than to choose rows for.
        "short_circuit_function_evaluation": "disable" if table == PLAIN_TABLE else "enable",
        "output_format_json_escape_forward_slashes": 0,
        # A body is one row until it is taken apart: blocks that stay in the processor's cache from there on.
        "max_block_size": 8192,
        # Whoever stores much does it by several inserts at once: more threads in each hand blocks around.
        "max_threads": 1,
    }
