-- What happened after the start, for the time of one question: a row a journey (or an item of one) that began in time.
-- Each activity by its first success: `delays` are seconds from the start to the acknowledgement, `times` how many
-- different messages. `told`: the tags of the start, and its facility.
(
    journey String,
    began   DateTime64(3, 'UTC'),
    told    Map(LowCardinality(String), String),
    acts    Array(LowCardinality(String)),
    delays  Array(Float64),
    times   Array(UInt32)
)
ENGINE = MergeTree
ORDER BY journey
