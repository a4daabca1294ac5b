-- bodies: sealed message bodies and answers, of interfaces that keep them. Written by the view spans_in_bodies; read
-- by people who may open them, one span at a time. Apart from the spans because they go earlier: the store's setting
-- body_days changes the period.
CREATE TABLE IF NOT EXISTS ${table:bodies}
(
    trace_id  String CODEC(ZSTD(1)),
    span_id   String CODEC(ZSTD(1)),
    interface LowCardinality(String) CODEC(ZSTD(1)),
    at        DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    body      String CODEC(NONE),
    answer    String CODEC(NONE)
)
ENGINE = ${engine:ReplacingMergeTree()}
PARTITION BY toDate(at)
ORDER BY (trace_id, span_id)
TTL toDateTime(at) + toIntervalDay(30)
SETTINGS ${dedup}, ttl_only_drop_parts = 1;

${distributed:bodies:cityHash64(trace_id)};

-- spans_in_bodies: fills bodies.
CREATE MATERIALIZED VIEW IF NOT EXISTS ${view:spans_in_bodies} TO bodies AS
SELECT
    trace_id,
    span_id,
    interface,
    toDateTime64(start, 3, 'UTC') AS at,
    attributes['integration.body.sealed'] AS body,
    attributes['integration.answer.sealed'] AS answer
FROM spans_in
WHERE mapContains(attributes, 'integration.body.sealed') OR mapContains(attributes, 'integration.answer.sealed');

-- spans_in_spans again, without the bodies.
DROP VIEW IF EXISTS ${view:spans_in_spans};

CREATE MATERIALIZED VIEW IF NOT EXISTS ${view:spans_in_spans} TO spans AS
SELECT
    trace_id, span_id, parent_span_id, start, duration_ns, name, kind, status_code, status_message,
    service_name, scope_name, scope_version, interface, source, destination, facility, system, message,
    operation, outcome, ack_code, reason, control_id, conversation_id, bytes, ack_bytes,
    key_kinds, key_tokens, measures, tags,
    mapFilter(
        (name, value) -> name NOT IN ('integration.body.sealed', 'integration.answer.sealed'), spans_in.attributes
    ) AS attributes,
    resource_attributes, scope_attributes, trace_state, flags, `events.at`,
    `events.name`, `events.attributes`, `links.trace_id`, `links.span_id`, `links.trace_state`,
    `links.attributes`
FROM spans_in;
