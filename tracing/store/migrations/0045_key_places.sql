-- key_places: the rows of journeys again, in small granules: where thousands of keys belong is asked at once, and in
-- journeys each of them reads 8192 rows. Written by the view journeys_places; read with argMax(…, version).
CREATE TABLE IF NOT EXISTS ${table:key_places}
(
    token     String CODEC(ZSTD(1)),
    kind      LowCardinality(String) CODEC(ZSTD(1)),
    journey   String CODEC(ZSTD(1)),
    certainty LowCardinality(String) CODEC(ZSTD(1)),
    basis     LowCardinality(String) CODEC(ZSTD(1)),
    eras      Array(Tuple(patient String, since DateTime64(3, 'UTC'), journey String)) CODEC(ZSTD(1)),
    version   UInt64 CODEC(ZSTD(1))
)
ENGINE = ${engine:ReplacingMergeTree(version)}
ORDER BY token
SETTINGS index_granularity = 256, min_compress_block_size = 4096, max_compress_block_size = 16384, ${dedup};

${distributed:key_places:cityHash64(token)};

CREATE MATERIALIZED VIEW IF NOT EXISTS ${view:journeys_places} TO key_places AS
SELECT token, kind, journey, certainty, basis, eras, version FROM ${local:journeys};

INSERT INTO key_places SELECT token, kind, journey, certainty, basis, eras, version FROM journeys;
