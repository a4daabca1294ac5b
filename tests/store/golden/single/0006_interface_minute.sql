-- 0006_interface_minute.sql

-- interface_minute: traffic of an interface per minute, for boards. Written by the view spans_interface_minute;
-- read with uniqMerge(spans) and quantilesTDigestMerge(0.5, 0.9, 0.99)(latency) (milliseconds).
-- uniq of span ids and the maxima do not change when telemetry is sent again.
CREATE TABLE IF NOT EXISTS interface_minute
(
    interface LowCardinality(String) CODEC(ZSTD(1)),
    minute    DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
    message   LowCardinality(String) CODEC(ZSTD(1)),
    outcome   LowCardinality(String) CODEC(ZSTD(1)),
    spans     AggregateFunction(uniq, String) CODEC(ZSTD(1)),
    latency   AggregateFunction(quantilesTDigest(0.5, 0.9, 0.99), Float64) CODEC(ZSTD(1)),
    last_seen SimpleAggregateFunction(max, DateTime64(3, 'UTC')) CODEC(ZSTD(1))
)
ENGINE = AggregatingMergeTree()
PARTITION BY toYYYYMM(minute)
ORDER BY (interface, minute, message, outcome)
SETTINGS non_replicated_deduplication_window = 10000, min_level_for_wide_part = 1;
