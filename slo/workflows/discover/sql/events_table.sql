-- Events of journeys, for the time of one question: a message on an interface, narrow, sorted so that journeys are
-- read one after the other and never held together in memory. `item_kinds` and `item_tokens`: keys of things a journey
-- may have several of.
(
    journey     String,
    at          DateTime64(3, 'UTC'),
    took_ms     UInt32,
    activity    LowCardinality(String),
    good        UInt8,
    kind        LowCardinality(String),
    identity    String,
    span_id     String,
    facility    LowCardinality(String),
    tags        Map(LowCardinality(String), String),
    item_kinds  Array(LowCardinality(String)),
    item_tokens Array(String)
)
ENGINE = MergeTree
ORDER BY (journey, at)
