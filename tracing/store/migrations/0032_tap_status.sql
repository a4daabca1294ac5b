-- tap_status: what each tap last told about each of its interfaces. Written by the view
-- spans_in_tap_status from the `tap status` spans every tap sends once a minute and kept for 30 days; read by the doctor. Counters begin
-- again with the tap's process, which is part of `tap`.
CREATE TABLE IF NOT EXISTS ${table:tap_status}
(
    tap           String CODEC(ZSTD(1)),
    interface     LowCardinality(String) CODEC(ZSTD(1)),
    kind          LowCardinality(String) CODEC(ZSTD(1)),
    at            DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    seen          UInt64 CODEC(T64, ZSTD(1)),
    unseen        UInt64 CODEC(T64, ZSTD(1)),
    waiting_bytes UInt64 CODEC(T64, ZSTD(1)),
    dropped       UInt64 CODEC(T64, ZSTD(1)),
    refused       UInt64 CODEC(T64, ZSTD(1))
)
ENGINE = ${engine:ReplacingMergeTree()}
ORDER BY (tap, interface, at)
TTL toDateTime(at) + INTERVAL 30 DAY
SETTINGS ${dedup};

${distributed:tap_status:cityHash64(tap)};

-- spans_in_tap_status: fills tap_status.
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
    toUInt64OrZero(attributes['caretrail.tap.refused']) AS refused
FROM spans_in
WHERE scope_name = 'caretrail.tap.status';
