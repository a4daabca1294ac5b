-- 0003_journeys.sql

-- journeys: the forest token -> journey. Written by the identity resolver only, a row per change with a growing
-- version; read by everything that asks which journey a key belongs to. Read with argMax(…, version) or FINAL.
CREATE TABLE IF NOT EXISTS journeys
(
    token       String CODEC(ZSTD(1)),
    kind        LowCardinality(String) CODEC(ZSTD(1)),
    journey     String CODEC(ZSTD(1)),
    certainty   LowCardinality(String) CODEC(ZSTD(1)),
    version     UInt64 CODEC(ZSTD(1)),
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    INDEX ingested_range ingested_at TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
ORDER BY token
SETTINGS non_replicated_deduplication_window = 10000, min_level_for_wide_part = 1;

-- journey_members: the same rows sorted the other way, to list the keys of a journey. A token that moved leaves
-- its old row behind: a reader keeps a member only when journeys still gives this journey for it.
CREATE TABLE IF NOT EXISTS journey_members
(
    journey     String CODEC(ZSTD(1)),
    token       String CODEC(ZSTD(1)),
    kind        LowCardinality(String) CODEC(ZSTD(1)),
    certainty   LowCardinality(String) CODEC(ZSTD(1)),
    version     UInt64 CODEC(ZSTD(1)),
    ingested_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (journey, token)
SETTINGS non_replicated_deduplication_window = 10000, min_level_for_wide_part = 1;

-- journeys_members: keeps journey_members in step with journeys.
CREATE MATERIALIZED VIEW IF NOT EXISTS journeys_members TO journey_members AS
SELECT journey, token, kind, certainty, version, ingested_at FROM journeys;
