-- Looking the keys of a thousand journeys up in nine million checkpoints took 3.5 s of processor: the keys are random, so
-- each one reads a granule of its own in every part, and all were read. With small granules and small blocks it takes an
-- eighth. A table cannot get other granules, so it is made anew; what was in it waits in checkpoints_kept.
-- Cut off anywhere, this can be run again: what is missing by then is empty, and what was copied is there.
CREATE TABLE IF NOT EXISTS ${table:checkpoints}
(
    workflow    LowCardinality(String) CODEC(ZSTD(1)),
    version     UInt32 CODEC(T64, ZSTD(1)),
    step        LowCardinality(String) CODEC(ZSTD(1)),
    token       String CODEC(ZSTD(1)),
    token_kind  LowCardinality(String) CODEC(ZSTD(1)),
    patient     String CODEC(ZSTD(1)),
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
    items       Array(String) CODEC(ZSTD(1)),
    identity    String CODEC(ZSTD(1)),
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    INDEX ingested_range ingested_at TYPE minmax GRANULARITY 1
)
ENGINE = ${engine:ReplacingMergeTree(ingested_at)}
PARTITION BY toYYYYMM(at)
ORDER BY (workflow, version, token, step, span_id)
SETTINGS index_granularity = 256, min_compress_block_size = 4096, max_compress_block_size = 16384, ${dedup};

CREATE TABLE IF NOT EXISTS ${table:checkpoints_kept} AS ${local:checkpoints}
ENGINE = ${engine:ReplacingMergeTree(ingested_at)}
ORDER BY (workflow, version, token, step, span_id)
SETTINGS ${dedup};

${distributed:checkpoints_kept:cityHash64(token)};

INSERT INTO checkpoints_kept SELECT * FROM checkpoints;

DROP TABLE IF EXISTS ${table:checkpoints} SYNC;

-- checkpoints: as in 0046, with granules of 256 rows.
CREATE TABLE IF NOT EXISTS ${table:checkpoints}
(
    workflow    LowCardinality(String) CODEC(ZSTD(1)),
    version     UInt32 CODEC(T64, ZSTD(1)),
    step        LowCardinality(String) CODEC(ZSTD(1)),
    token       String CODEC(ZSTD(1)),
    token_kind  LowCardinality(String) CODEC(ZSTD(1)),
    patient     String CODEC(ZSTD(1)),
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
    items       Array(String) CODEC(ZSTD(1)),
    identity    String CODEC(ZSTD(1)),
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    INDEX ingested_range ingested_at TYPE minmax GRANULARITY 1
)
ENGINE = ${engine:ReplacingMergeTree(ingested_at)}
PARTITION BY toYYYYMM(at)
ORDER BY (workflow, version, token, step, span_id)
SETTINGS index_granularity = 256, min_compress_block_size = 4096, max_compress_block_size = 16384, ${dedup};

${redistributed:checkpoints:cityHash64(token)};

INSERT INTO checkpoints SELECT * FROM checkpoints_kept;

DROP TABLE IF EXISTS ${table:checkpoints_kept} SYNC;

DROP TABLE IF EXISTS ${view:checkpoints_kept} SYNC;

-- Half the time for looking a hundred instances up; of parts written from now on.
ALTER TABLE ${table:instances} MODIFY SETTING min_compress_block_size = 4096, max_compress_block_size = 16384;
