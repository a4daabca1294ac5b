-- What was said of occurrences, for the time of one question. side: 0 by the versions that stand, 1 by the draft, 2
-- for journeys that had started before the time that is looked at. rated: 1 in time, -1 not, 0 not decided. names and
-- states: the steps that count. last_due: when the last deadline that is known passes.
(
    journey    String,
    item       String,
    side       UInt8,
    started_at DateTime64(3, 'UTC'),
    verdict    LowCardinality(String),
    rated      Int8,
    last_due   DateTime64(3, 'UTC'),
    names      Array(LowCardinality(String)),
    states     Array(LowCardinality(String))
)
ENGINE = MergeTree
ORDER BY (journey, item)
