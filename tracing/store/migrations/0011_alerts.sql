-- alerts_log: what was alerted, a row when an alert starts and a row when it clears. Written by slo.alerts only;
-- read by the pages, and by slo.alerts after a restart, so that an alert which still fires does not start twice.
-- Holds names of workflows, steps and interfaces and counts; never a key, token or journey.
CREATE TABLE IF NOT EXISTS ${table:alerts_log}
(
    id         String CODEC(ZSTD(1)),
    started_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    event      LowCardinality(String) CODEC(ZSTD(1)),
    at         DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    name       LowCardinality(String) CODEC(ZSTD(1)),
    severity   LowCardinality(String) CODEC(ZSTD(1)),
    labels     Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    summary    String CODEC(ZSTD(1)),
    affected   UInt64 CODEC(T64, ZSTD(1)),
    link       String CODEC(ZSTD(1))
)
ENGINE = ${engine:ReplacingMergeTree(at)}
PARTITION BY toYYYYMM(started_at)
ORDER BY (started_at, id, event)
SETTINGS ${dedup};

${distributed:alerts_log:cityHash64(id)};
