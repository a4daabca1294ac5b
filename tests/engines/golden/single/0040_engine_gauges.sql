-- engine_gauges: what an integration engine counts itself: messages received, filtered, queued, sent and in error,
-- state and connection, by channel and connector. Written by collector.engines at each look that differs, and once
-- a minute; read by tracing.engines. Sorted by place and time because a page asks for the newest of every place,
-- or one place over a day. The counters are the engine's own, they begin anew when somebody clears them. A look
-- written twice is the same row, and readers take argMax and max only.
CREATE TABLE IF NOT EXISTS engine_gauges
(
    engine       LowCardinality(String) CODEC(ZSTD(1)),
    channel_id   String CODEC(ZSTD(1)),
    connector_id Int32 CODEC(ZSTD(1)),
    at           DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    kind         LowCardinality(String) CODEC(ZSTD(1)),
    channel      LowCardinality(String) CODEC(ZSTD(1)),
    connector    LowCardinality(String) CODEC(ZSTD(1)),
    interface    LowCardinality(String) CODEC(ZSTD(1)),
    state        LowCardinality(String) CODEC(ZSTD(1)),
    connection   LowCardinality(String) CODEC(ZSTD(1)),
    received     UInt64 CODEC(Delta, ZSTD(1)),
    filtered     UInt64 CODEC(Delta, ZSTD(1)),
    queued       UInt64 CODEC(Delta, ZSTD(1)),
    sent         UInt64 CODEC(Delta, ZSTD(1)),
    errored      UInt64 CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree()
PARTITION BY toYYYYMM(at)
ORDER BY (engine, channel_id, connector_id, at)
SETTINGS non_replicated_deduplication_window = 10000, min_level_for_wide_part = 1;

;
