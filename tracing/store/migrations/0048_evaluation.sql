-- What a tap's requests said of its clock (collector/taps/clock.py): how far it is ahead of the collector's, how exact
-- that is, from how many requests; 0 samples: nothing was said.
ALTER TABLE ${table:tap_status}
    ADD COLUMN IF NOT EXISTS clock_ahead_ms Int64 CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS clock_within_ms UInt32 CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS clock_samples UInt32 CODEC(ZSTD(1));

${redistributed:tap_status:cityHash64(tap)};

-- spans_in_tap_status: fills tap_status.
DROP VIEW IF EXISTS ${view:spans_in_tap_status};

CREATE MATERIALIZED VIEW IF NOT EXISTS ${view:spans_in_tap_status} TO tap_status AS
SELECT
    resource_attributes['service.instance.id'] AS tap,
    attributes['caretrail.tap.interface'] AS interface,
    attributes['caretrail.tap.kind'] AS kind,
    toDateTime64(start, 3, 'UTC') AS at,
    toUInt64OrZero(attributes['caretrail.tap.seen']) AS seen,
    toUInt64OrZero(attributes['caretrail.tap.unseen']) AS unseen,
    toUInt64OrZero(attributes['caretrail.tap.waiting_bytes']) AS waiting_bytes,
    toUInt64OrZero(attributes['caretrail.tap.dropped']) AS dropped,
    toUInt64OrZero(attributes['caretrail.tap.refused']) AS refused,
    toInt64OrZero(attributes['caretrail.tap.clock.ahead_ms']) AS clock_ahead_ms,
    toUInt32OrZero(attributes['caretrail.tap.clock.within_ms']) AS clock_within_ms,
    toUInt32OrZero(attributes['caretrail.tap.clock.samples']) AS clock_samples
FROM spans_in
WHERE scope_name = 'caretrail.tap.status';

-- clock_offsets: how far the clock that stamps an interface's messages is ahead of the collector's, from `since` (by
-- that clock) on; negative: behind. Written by tracing.clocks when the offset has changed, a step function of which
-- no piece ever changes; read by the view clock_corrections, the interfaces page and the doctor.
CREATE TABLE IF NOT EXISTS ${table:clock_offsets}
(
    interface  LowCardinality(String) CODEC(ZSTD(1)),
    since      DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    offset_ms  Int64 CODEC(ZSTD(1)),
    within_ms  UInt32 CODEC(ZSTD(1)),
    samples    UInt32 CODEC(ZSTD(1)),
    tap        String CODEC(ZSTD(1)),
    updated_at DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(ZSTD(1))
)
ENGINE = ${engine:ReplacingMergeTree(updated_at)}
ORDER BY (interface, since);

${distributed:clock_offsets:cityHash64(interface)};

-- clock_corrections: what to take off a time that an interface's clock stamped at or after `since` (until the next
-- `since`), for ASOF JOIN; no row: nothing. Offsets under a quarter of a second are left alone: workflows measure in
-- seconds, and what was judged should not move for less.
CREATE VIEW IF NOT EXISTS ${view:clock_corrections} AS
SELECT interface, since, if(abs(offset_ms) < 250, 0, offset_ms) AS ahead_ms
FROM clock_offsets FINAL;

-- What open_instances needs beside. To tell which of them are at risk: the hours in which an instance began (weekday or
-- weekend, day or night where its workflow is at home: see step_chances), the deadlines of its steps, and a number for
-- the point it is at, because joining a million rows by four columns takes three times as long as by one. And which
-- steps next_due and failing_at are about, so that alerts need not look each troubled instance up.

ALTER TABLE ${table:open_instances}
    ADD COLUMN IF NOT EXISTS hours UInt8 CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS step_deadlines Array(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS due_step LowCardinality(String) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS failing_step LowCardinality(String) CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS point UInt64 MATERIALIZED cityHash64(workflow, version, waiting, hours) CODEC(ZSTD(1));

${redistributed:open_instances:cityHash64(journey)};

-- step_chances: of the instances that were at the same point, how many met a step in time. The point: which steps were
-- still waiting (mask as in instances.waiting), what share of the step's time was used up, and the hours of the start
-- (0 weekday by day, 1 weekday by night, 2 weekend by day, 3 weekend by night). Written by the evaluator every ten
-- minutes, all rows of a workflow version at once, with a row of step 0 that says how many instances were read and in which zone hours are told; only
-- the newest `computed_at` of a version counts. Read where states are judged. Cell n of `made` and `total` is the share
-- (n / 200)^2; total is 0 where too few were like it. `at_risk_ppm`: from this share of the time on (in millionths),
-- fewer than half made it; negative: never.
CREATE TABLE IF NOT EXISTS ${table:step_chances}
(
    workflow    LowCardinality(String) CODEC(ZSTD(1)),
    version     UInt32 CODEC(ZSTD(1)),
    waiting     UInt64 CODEC(ZSTD(1)),
    hours       UInt8 CODEC(ZSTD(1)),
    step        UInt8 CODEC(ZSTD(1)),
    made        Array(UInt32) CODEC(ZSTD(1)),
    total       Array(UInt32) CODEC(ZSTD(1)),
    at_risk_ppm Int32 CODEC(ZSTD(1)),
    zone        LowCardinality(String) CODEC(ZSTD(1)),
    computed_at DateTime64(6, 'UTC') CODEC(ZSTD(1))
)
ENGINE = ${engine:ReplacingMergeTree(computed_at)}
ORDER BY (workflow, version, waiting, hours, step);

${distributed:step_chances:cityHash64(workflow)};

-- step_chances says more than step_risk did.
DROP TABLE IF EXISTS ${table:step_risk} SYNC;

DROP TABLE IF EXISTS ${view:step_risk} SYNC;

-- instance_changes: what late truth did to instances that were closed. Written by the evaluator before it writes the new
-- facts, so that no change is lost; read by the encounter page. `sealed_at` is when the instance had been judged
-- before: judging again after a crash writes the same row. Arrays run parallel, an entry per fact that changed: step
-- ('' the instance itself), fact (started_at, cancelled_at, ended_at, applies, deadline, met_at, failed_at, vanished),
-- and its value before and after, 2200 for never. Kept for two years, as long as anybody may ask.
CREATE TABLE IF NOT EXISTS ${table:instance_changes}
(
    workflow   LowCardinality(String) CODEC(ZSTD(1)),
    journey    String CODEC(ZSTD(1)),
    item       String CODEC(ZSTD(1)),
    version    UInt32 CODEC(ZSTD(1)),
    occurrence UInt32 CODEC(T64, ZSTD(1)),
    sealed_at  DateTime64(6, 'UTC') CODEC(ZSTD(1)),
    at         DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    reopened   UInt8 CODEC(ZSTD(1)),
    steps      Array(LowCardinality(String)) CODEC(ZSTD(1)),
    facts      Array(LowCardinality(String)) CODEC(ZSTD(1)),
    before     Array(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    after      Array(DateTime64(3, 'UTC')) CODEC(ZSTD(1))
)
ENGINE = ${engine:ReplacingMergeTree(at)}
ORDER BY (journey, workflow, item, version, occurrence, sealed_at)
TTL toDateTime(at) + INTERVAL 2 YEAR;

${distributed:instance_changes:cityHash64(journey)};
