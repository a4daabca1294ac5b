-- 0005_workflow_definitions.sql

-- workflow_definitions: every version of every workflow as its YAML text. Written on activation; read by the
-- evaluator and the pages. The last written row of a version stays.
CREATE TABLE IF NOT EXISTS workflow_definitions
(
    name         LowCardinality(String) CODEC(ZSTD(1)),
    version      UInt32 CODEC(ZSTD(1)),
    yaml         String CODEC(ZSTD(1)),
    active       UInt8 CODEC(ZSTD(1)),
    activated_at DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    updated_at   DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(updated_at)
ORDER BY (name, version)
SETTINGS non_replicated_deduplication_window = 10000, min_level_for_wide_part = 1;
