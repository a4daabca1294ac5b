-- audit: who looked at which patient-level thing, when, from where and why. Written by the dashboard and the REST
-- interface for every view of an encounter and every search that found one; read by the administration page.
-- Holds journeys (keyed tokens), never a key's value. Sorted by time because it is read by period.
CREATE TABLE IF NOT EXISTS ${table:audit}
(
    at         DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    id         UUID CODEC(ZSTD(1)),
    who        String CODEC(ZSTD(1)),
    role       LowCardinality(String) CODEC(ZSTD(1)),
    action     LowCardinality(String) CODEC(ZSTD(1)),
    journey    String CODEC(ZSTD(1)),
    why        String CODEC(ZSTD(1)),
    where_from String CODEC(ZSTD(1))
)
ENGINE = ${engine:ReplacingMergeTree()}
PARTITION BY toYYYYMM(at)
ORDER BY (at, id)
SETTINGS ${dedup};

${distributed:audit:cityHash64(id)};
