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
