-- batches: what started in which batch (an X12 transaction set), as checkpoints say it; so that what is said of the
-- batch, as a 999 does, is found to concern them. Nobody names a batch before this version, so there is none to fill in.
CREATE TABLE IF NOT EXISTS ${table:batches}
(
    workflow LowCardinality(String) CODEC(ZSTD(1)),
    version  UInt32 CODEC(T64, ZSTD(1)),
    batch    String CODEC(ZSTD(1)),
    token    String CODEC(ZSTD(1)),
    at       DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1))
)
ENGINE = ${engine:ReplacingMergeTree(at)}
PARTITION BY toYYYYMM(at)
ORDER BY (workflow, version, batch, token)
SETTINGS ${dedup};

${distributed:batches:cityHash64(batch)};

CREATE MATERIALIZED VIEW IF NOT EXISTS ${view:checkpoints_batches} TO batches AS
SELECT workflow, version, tags['batch'] AS batch, token, at
FROM ${local:checkpoints}
WHERE step = '@start' AND tags['batch'] != '';
