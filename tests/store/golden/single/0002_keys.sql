-- 0002_keys.sql

-- keys: every business key ever seen, once: its token (for lookup), kind, assigning authority and sealed value
-- (for people allowed to open it). Written by the view otlp_keys; read by search and the encounter page.
-- Sealing is deterministic, so any row of a token carries the same value; max prefers a sealed one to none.
CREATE TABLE IF NOT EXISTS keys
(
    token      String CODEC(ZSTD(1)),
    kind       SimpleAggregateFunction(anyLast, LowCardinality(String)) CODEC(ZSTD(1)),
    authority  SimpleAggregateFunction(anyLast, LowCardinality(String)) CODEC(ZSTD(1)),
    sealed     SimpleAggregateFunction(max, String) CODEC(ZSTD(1)),
    first_seen SimpleAggregateFunction(min, DateTime64(3, 'UTC')) CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree()
ORDER BY token
SETTINGS non_replicated_deduplication_window = 10000, min_level_for_wide_part = 1;

-- key_pairs: two keys that one message carried together, in both directions. Written by the view spans_key_pairs;
-- read by the identity resolver, which follows `token` to every `other` it was seen with.
CREATE TABLE IF NOT EXISTS key_pairs
(
    token       String CODEC(ZSTD(1)),
    kind        LowCardinality(String) CODEC(ZSTD(1)),
    other       String CODEC(ZSTD(1)),
    other_kind  LowCardinality(String) CODEC(ZSTD(1)),
    at          DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    span_id     String CODEC(ZSTD(1)),
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    INDEX ingested_range ingested_at TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(ingested_at)
ORDER BY (token, other)
SETTINGS non_replicated_deduplication_window = 10000, min_level_for_wide_part = 1;
