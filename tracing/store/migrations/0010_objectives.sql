-- objective_definitions: the OpenSLO documents in force, one per name. Written on activation; read whenever
-- objectives are computed, so that every role judges by the same targets. The last written row of a name stays.
CREATE TABLE IF NOT EXISTS ${table:objective_definitions}
(
    name       String CODEC(ZSTD(1)),
    yaml       String CODEC(ZSTD(1)),
    active     UInt8 CODEC(ZSTD(1)),
    updated_at DateTime64(3, 'UTC') CODEC(ZSTD(1))
)
ENGINE = ${engine:ReplacingMergeTree(updated_at)}
ORDER BY name
SETTINGS ${dedup};

${distributed:objective_definitions:cityHash64(name)};

-- corrections: stretches of time that do not count against an objective (maintenance, a vendor's outage).
-- Written by people through slo.objectives.corrections, never changed: taking one back is a newer row with
-- revoked = 1, so who did what stays readable. Read when objectives are computed; what was judged is untouched.
-- An empty workflow or facility means all of them.
CREATE TABLE IF NOT EXISTS ${table:corrections}
(
    id         String CODEC(ZSTD(1)),
    starts     DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    ends       DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    workflow   LowCardinality(String) CODEC(ZSTD(1)),
    facility   LowCardinality(String) CODEC(ZSTD(1)),
    category   LowCardinality(String) CODEC(ZSTD(1)),
    reason     String CODEC(ZSTD(1)),
    changed_by String CODEC(ZSTD(1)),
    changed_at DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    revoked    UInt8 CODEC(ZSTD(1))
)
ENGINE = ${engine:MergeTree()}
ORDER BY (id, changed_at)
SETTINGS ${dedup};

${distributed:corrections:cityHash64(id)};
