-- Cases of one question; see cases.sql. Lines are (place, first sighting, span, value, whether measured, tags, currency).
(
    journey    String,
    item       String,
    number     UInt32,
    began      DateTime64(3, 'UTC'),
    sure       LowCardinality(String),
    came_to    LowCardinality(String),
    refused    Array(UInt8),
    keys       Array(String),
    currency   String,
    mine       Array(Tuple(UInt32, DateTime64(3, 'UTC'), String, Int128, UInt8, Array(String), String)),
    counts     Array(UInt32),
    sums       Array(Int128),
    unmeasured Array(UInt32),
    apart      Int128,
    differs    UInt8
)
ENGINE = MergeTree
ORDER BY (keys, currency)
