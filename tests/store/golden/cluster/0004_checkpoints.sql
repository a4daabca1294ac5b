-- 0004_checkpoints.sql

-- checkpoints: one row per span that matched a step of a workflow version. Written by one view per workflow
-- version, made when the workflow is activated; read by the evaluator, which takes minIf(at, step = …).
-- The key is deterministic, so a re-sent span collapses; min and any do not mind before it has.
CREATE TABLE IF NOT EXISTS checkpoints_local ON CLUSTER 'hospital'
(
    workflow    LowCardinality(String) CODEC(ZSTD(1)),
    version     UInt32 CODEC(T64, ZSTD(1)),
    step        LowCardinality(String) CODEC(ZSTD(1)),
    token       String CODEC(ZSTD(1)),
    token_kind  LowCardinality(String) CODEC(ZSTD(1)),
    at          DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    outcome     LowCardinality(String) CODEC(ZSTD(1)),
    ack_code    LowCardinality(String) CODEC(ZSTD(1)),
    reason      LowCardinality(String) CODEC(ZSTD(1)),
    interface   LowCardinality(String) CODEC(ZSTD(1)),
    span_id     String CODEC(ZSTD(1)),
    trace_id    String CODEC(ZSTD(1)),
    facility    LowCardinality(String) CODEC(ZSTD(1)),
    tags        Map(String, String) CODEC(ZSTD(1)),
    measures    Map(String, Float64) CODEC(ZSTD(1)),
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    INDEX ingested_range ingested_at TYPE minmax GRANULARITY 1
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', ingested_at)
PARTITION BY toYYYYMM(at)
ORDER BY (workflow, token, step, span_id)
SETTINGS replicated_deduplication_window = 10000, min_level_for_wide_part = 1;

CREATE TABLE IF NOT EXISTS checkpoints ON CLUSTER 'hospital' AS checkpoints_local
ENGINE = Distributed('hospital', currentDatabase(), checkpoints_local, cityHash64(token));
