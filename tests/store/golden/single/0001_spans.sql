-- 0001_spans.sql

-- spans: one row per span of any service. Written by the view otlp_spans (and otel_traces_spans); read by
-- journeys, the encounter page, `caretrail where` and SQL of people.
-- Sorted by trace because "show this encounter" is the question asked most: the rows of one trace lie together.
-- Equal (trace_id, start, span_id) is the same span sent again; the last one written stays. Read with
-- LIMIT 1 BY span_id or with aggregates that duplicates cannot change, not with FINAL.
CREATE TABLE IF NOT EXISTS spans
(
    trace_id            String CODEC(ZSTD(1)),
    span_id             String CODEC(ZSTD(1)),
    parent_span_id      String CODEC(ZSTD(1)),
    start               DateTime64(9, 'UTC') CODEC(Delta(8), ZSTD(1)),
    duration_ns         UInt64 CODEC(T64, ZSTD(1)),
    name                LowCardinality(String) CODEC(ZSTD(1)),
    kind                LowCardinality(String) CODEC(ZSTD(1)),
    status_code         LowCardinality(String) CODEC(ZSTD(1)),
    status_message      LowCardinality(String) CODEC(ZSTD(1)),
    service_name        LowCardinality(String) CODEC(ZSTD(1)),
    scope_name          LowCardinality(String) CODEC(ZSTD(1)),
    scope_version       LowCardinality(String) CODEC(ZSTD(1)),
    interface           LowCardinality(String) CODEC(ZSTD(1)),
    source              LowCardinality(String) CODEC(ZSTD(1)),
    destination         LowCardinality(String) CODEC(ZSTD(1)),
    facility            LowCardinality(String) CODEC(ZSTD(1)),
    system              LowCardinality(String) CODEC(ZSTD(1)),
    message             LowCardinality(String) CODEC(ZSTD(1)),
    operation           LowCardinality(String) CODEC(ZSTD(1)),
    outcome             LowCardinality(String) CODEC(ZSTD(1)),
    ack_code            LowCardinality(String) CODEC(ZSTD(1)),
    reason              LowCardinality(String) CODEC(ZSTD(1)),
    control_id          String CODEC(ZSTD(1)),
    conversation_id     String CODEC(ZSTD(1)),
    bytes               UInt32 CODEC(T64, ZSTD(1)),
    ack_bytes           UInt32 CODEC(T64, ZSTD(1)),
    key_kinds           Array(String) CODEC(ZSTD(1)),
    key_tokens          Array(String) CODEC(ZSTD(1)),
    measures            Map(String, Float64) CODEC(ZSTD(1)),
    tags                Map(String, String) CODEC(ZSTD(1)),
    attributes          Map(String, String) CODEC(ZSTD(1)),
    resource_attributes Map(String, String) CODEC(ZSTD(1)),
    scope_attributes    Map(String, String) CODEC(ZSTD(1)),
    trace_state         String CODEC(ZSTD(1)),
    flags               UInt32 CODEC(T64, ZSTD(1)),
    `events.at`          Array(DateTime64(9, 'UTC')) CODEC(ZSTD(1)),
    `events.name`        Array(String) CODEC(ZSTD(1)),
    `events.attributes`  Array(Map(String, String)) CODEC(ZSTD(1)),
    `links.trace_id`     Array(String) CODEC(ZSTD(1)),
    `links.span_id`      Array(String) CODEC(ZSTD(1)),
    `links.trace_state`  Array(String) CODEC(ZSTD(1)),
    `links.attributes`   Array(Map(String, String)) CODEC(ZSTD(1)),
    ingested_at         DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    INDEX start_range start TYPE minmax GRANULARITY 1,
    INDEX control_id_set control_id TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX key_token_set key_tokens TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(ingested_at)
PARTITION BY toDate(start)
ORDER BY (trace_id, start, span_id)
SETTINGS non_replicated_deduplication_window = 10000, min_level_for_wide_part = 1;
