-- Messages of one question, sorted by the case they belong to; see messages.sql.
(
    version      UInt32,
    journey      String,
    item         String,
    place        UInt32,
    identity     String,
    first_at     DateTime64(3, 'UTC'),
    span_id      String,
    facility     String,
    value        Int128,
    measured     UInt8,
    own          Array(String),
    own_currency String
)
ENGINE = MergeTree
ORDER BY (journey, item)
