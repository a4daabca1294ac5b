-- What search and the encounter page look things up in, so that neither reads through spans: which days a trace has
-- messages on, where the message with a control ID lies, and who assigns numbers here. Narrow rows of hashes: at 50
-- million spans a Bloom filter over control IDs is 90 MB to read for one question, these are a granule.

-- trace_days: the days on which a trace has messages; `trace` is the first half of the trace ID. A day is a partition
-- of spans, and looking for a trace in each of them costs a granule each. Written by the view spans_in_trace_days.
CREATE TABLE IF NOT EXISTS ${table:trace_days}
(
    trace UInt64 CODEC(Delta(8), ZSTD(1)),
    day   Date CODEC(ZSTD(1))
)
ENGINE = ${engine:ReplacingMergeTree()}
ORDER BY (trace, day)
SETTINGS index_granularity = 1024, ${dedup};

${distributed:trace_days:trace};

CREATE MATERIALIZED VIEW IF NOT EXISTS ${view:spans_in_trace_days} TO trace_days AS
SELECT reinterpretAsUInt64(unhex(substring(trace_id, 1, 16))) AS trace, toDate(start) AS day
FROM spans_in
GROUP BY trace, day;

INSERT INTO trace_days
SELECT DISTINCT reinterpretAsUInt64(unhex(substring(trace_id, 1, 16))), toDate(start)
FROM spans;

-- message_places: where messages with a control ID lie in spans: the day, and the first four digits of the trace ID.
-- Written by the view spans_in_message_places.
CREATE TABLE IF NOT EXISTS ${table:message_places}
(
    id     UInt64 CODEC(Delta(8), ZSTD(1)),
    day    Date CODEC(ZSTD(1)),
    prefix UInt16 CODEC(ZSTD(1))
)
ENGINE = ${engine:ReplacingMergeTree()}
ORDER BY (id, day, prefix)
SETTINGS index_granularity = 1024, ${dedup};

${distributed:message_places:id};

CREATE MATERIALIZED VIEW IF NOT EXISTS ${view:spans_in_message_places} TO message_places AS
SELECT
    sipHash64(control_id) AS id,
    toDate(start) AS day,
    reinterpretAsUInt16(reverse(unhex(substring(trace_id, 1, 4)))) AS prefix
FROM spans_in
WHERE control_id != '';

INSERT INTO message_places
SELECT DISTINCT sipHash64(control_id), toDate(start), reinterpretAsUInt16(reverse(unhex(substring(trace_id, 1, 4))))
FROM spans
WHERE control_id != '';

-- key_authorities: every kind of key with each authority it was seen under: a bare number may be any of these.
-- Written by the view keys_authorities from whatever reaches keys.
CREATE TABLE IF NOT EXISTS ${table:key_authorities}
(
    kind      LowCardinality(String) CODEC(ZSTD(1)),
    authority String CODEC(ZSTD(1))
)
ENGINE = ${engine:ReplacingMergeTree()}
ORDER BY (kind, authority)
SETTINGS ${dedup};

${distributed:key_authorities:cityHash64(kind)};

CREATE MATERIALIZED VIEW IF NOT EXISTS ${view:keys_authorities} TO key_authorities AS
SELECT kind, authority FROM ${local:keys} GROUP BY kind, authority;

INSERT INTO key_authorities SELECT DISTINCT kind, authority FROM keys;

-- keys: a searched number may be of every kind and authority, so most of its tokens are none. A filter says so
-- without reading the granule in which each of them would stand.
ALTER TABLE ${table:keys} ADD INDEX IF NOT EXISTS token_set token TYPE bloom_filter(0.01) GRANULARITY 1;
