-- A search says of each encounter how many messages it has and when the first was. Reading that from spans cost a granule
-- of three columns for every day of every encounter, more than all the rest of the search. Now the table that names the
-- days says it, too.
-- trace_outlines: the days on which a trace has spans; `trace` is the first half of the trace ID. A day is a partition of
-- spans, and looking for a trace in each of them costs a granule each. `first`: when the first span of the day began;
-- `spans`: the span IDs as numbers, so that what was sent twice counts once. Written by the view spans_in_trace_outlines.
DROP TABLE IF EXISTS ${view:spans_in_trace_days} SYNC;

CREATE TABLE IF NOT EXISTS ${table:trace_outlines}
(
    trace UInt64 CODEC(Delta(8), ZSTD(1)),
    day   Date CODEC(ZSTD(1)),
    first SimpleAggregateFunction(min, DateTime64(6, 'UTC')) CODEC(Delta(8), ZSTD(1)),
    spans SimpleAggregateFunction(groupUniqArrayArray, Array(UInt64)) CODEC(ZSTD(1))
)
ENGINE = ${engine:AggregatingMergeTree()}
ORDER BY (trace, day)
SETTINGS index_granularity = 256, min_compress_block_size = 4096, max_compress_block_size = 16384,
    min_age_to_force_merge_seconds = 86400, ${dedup};

${distributed:trace_outlines:trace};

CREATE MATERIALIZED VIEW IF NOT EXISTS ${view:spans_in_trace_outlines} TO trace_outlines AS
SELECT
    reinterpretAsUInt64(unhex(substring(trace_id, 1, 16))) AS trace,
    toDate(start) AS day,
    min(start) AS first,
    groupUniqArray(reinterpretAsUInt64(unhex(span_id))) AS spans
FROM spans_in
GROUP BY trace, day;

-- What was stored before; again after a cut it changes nothing.
INSERT INTO trace_outlines
SELECT
    reinterpretAsUInt64(unhex(substring(trace_id, 1, 16))), toDate(start), start, [reinterpretAsUInt64(unhex(span_id))]
FROM spans;

DROP TABLE IF EXISTS ${table:trace_days} SYNC;

DROP TABLE IF EXISTS ${view:trace_days} SYNC;
