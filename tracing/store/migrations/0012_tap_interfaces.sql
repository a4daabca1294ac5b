-- tap_interfaces: which tap carries which interface and when it last did. Written by the view
-- spans_in_tap_interfaces; read by slo.alerts to tell a silent tap from a silent interface. A handful of rows, and
-- a maximum does not change when telemetry is sent again.
CREATE TABLE IF NOT EXISTS ${table:tap_interfaces}
(
    tap       String CODEC(ZSTD(1)),
    interface LowCardinality(String) CODEC(ZSTD(1)),
    last_seen SimpleAggregateFunction(max, DateTime64(3, 'UTC')) CODEC(ZSTD(1))
)
ENGINE = ${engine:AggregatingMergeTree()}
ORDER BY (tap, interface)
SETTINGS ${dedup};

${distributed:tap_interfaces:cityHash64(tap)};

CREATE MATERIALIZED VIEW IF NOT EXISTS ${view:spans_in_tap_interfaces} TO tap_interfaces AS
SELECT
    resource_attributes['service.instance.id'] AS tap,
    interface,
    max(toDateTime64(start, 3, 'UTC')) AS last_seen
FROM spans_in
WHERE interface != ''
GROUP BY tap, interface;
