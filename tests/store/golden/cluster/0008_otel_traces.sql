-- 0008_otel_traces.sql

-- otel_traces: spans in the column layout of the OpenTelemetry Collector's ClickHouse exporter, for tools that know
-- it (Grafana's ClickHouse data source). Attributes that have a column in spans are back in SpanAttributes under
-- their OTLP names, numbers as text; keys appear as journey.tokens, a JSON array of "kind:token".
CREATE VIEW IF NOT EXISTS otel_traces ON CLUSTER 'hospital' AS
SELECT
    start AS Timestamp,
    trace_id AS TraceId,
    span_id AS SpanId,
    parent_span_id AS ParentSpanId,
    trace_state AS TraceState,
    name AS SpanName,
    kind AS SpanKind,
    service_name AS ServiceName,
    mapUpdate(CAST(map('service.name', toString(service_name)), 'Map(LowCardinality(String), String)'),
        resource_attributes) AS ResourceAttributes,
    scope_name AS ScopeName,
    scope_version AS ScopeVersion,
    mapConcat(
        attributes,
        CAST(mapFilter((k, v) -> v NOT IN ('', '[]'), map(
            'integration.interface', toString(interface),
            'integration.source', toString(source),
            'integration.destination', toString(destination),
            'integration.facility', toString(facility),
            'messaging.system', toString(system),
            'integration.message', toString(message),
            'integration.operation', toString(operation),
            'integration.outcome', toString(outcome),
            'integration.ack.code', toString(ack_code),
            'integration.reason', toString(reason),
            'messaging.message.id', control_id,
            'messaging.message.conversation_id', conversation_id,
            'messaging.message.body.size', if(bytes = 0, '', toString(bytes)),
            'integration.ack.size', if(ack_bytes = 0, '', toString(ack_bytes)),
            'journey.tokens', toJSONString(arrayMap((k, t) -> concat(k, ':', t), key_kinds, key_tokens)))),
            'Map(LowCardinality(String), String)'),
        CAST(mapApply((k, v) -> (concat('integration.attribute.', k), v), tags),
            'Map(LowCardinality(String), String)'),
        CAST(mapApply((k, v) -> (concat('integration.measure.', k), toString(v)), measures),
            'Map(LowCardinality(String), String)')) AS SpanAttributes,
    duration_ns AS Duration,
    status_code AS StatusCode,
    status_message AS StatusMessage,
    events.at AS `Events.Timestamp`,
    events.name AS `Events.Name`,
    events.attributes AS `Events.Attributes`,
    links.trace_id AS `Links.TraceId`,
    links.span_id AS `Links.SpanId`,
    links.trace_state AS `Links.TraceState`,
    links.attributes AS `Links.Attributes`
FROM spans;

-- otel_traces_trace_id_ts: when a trace began and ended; the same tools ask it before they read a trace.
CREATE VIEW IF NOT EXISTS otel_traces_trace_id_ts ON CLUSTER 'hospital' AS
SELECT
    trace_id AS TraceId,
    toDateTime(min(start), 'UTC') AS Start,
    toDateTime(max(start + toIntervalNanosecond(duration_ns)) + 1, 'UTC') AS End
FROM spans
GROUP BY TraceId;

-- otel_traces_in: where an OpenTelemetry Collector puts its spans (clickhouse exporter, traces_table_name:
-- otel_traces_in, create_schema: false); keeps nothing.
CREATE TABLE IF NOT EXISTS otel_traces_in ON CLUSTER 'hospital'
(
    Timestamp          DateTime64(9),
    TraceId            String,
    SpanId             String,
    ParentSpanId       String,
    TraceState         String,
    SpanName           LowCardinality(String),
    SpanKind           LowCardinality(String),
    ServiceName        LowCardinality(String),
    ResourceAttributes Map(LowCardinality(String), String),
    ScopeName          String,
    ScopeVersion       String,
    SpanAttributes     Map(LowCardinality(String), String),
    Duration           UInt64,
    StatusCode         LowCardinality(String),
    StatusMessage      String,
    Events             Nested(
        Timestamp  DateTime64(9),
        Name       LowCardinality(String),
        Attributes Map(LowCardinality(String), String)),
    Links              Nested(
        TraceId    String,
        SpanId     String,
        TraceState String,
        Attributes Map(LowCardinality(String), String))
)
ENGINE = Null;

-- otel_traces_spans: the way in for those spans. The exporter drops the attributes of a scope, so the collector must
-- copy the integration.* attributes of taps to the resource or the span. Arrays arrive as JSON.
CREATE MATERIALIZED VIEW IF NOT EXISTS otel_traces_spans ON CLUSTER 'hospital' TO spans_in AS
WITH
    (name) -> if(SpanAttributes[name] = '', ResourceAttributes[name], SpanAttributes[name]) AS said,
    JSONExtract(SpanAttributes['journey.keys'], 'Array(String)') AS keys,
    (k) -> k IN ('integration.interface', 'integration.source', 'integration.destination', 'integration.facility',
        'messaging.system', 'integration.message', 'integration.operation', 'integration.outcome',
        'integration.ack.code', 'integration.reason', 'messaging.message.id', 'messaging.message.conversation_id',
        'messaging.message.body.size', 'integration.ack.size', 'journey.keys', 'journey.keys.sealed')
        OR startsWith(k, 'integration.measure.') OR startsWith(k, 'integration.attribute.') AS has_column
SELECT
    lower(TraceId) AS trace_id,
    lower(SpanId) AS span_id,
    lower(ParentSpanId) AS parent_span_id,
    Timestamp AS start,
    Duration AS duration_ns,
    SpanName AS name,
    SpanKind AS kind,
    StatusCode AS status_code,
    StatusMessage AS status_message,
    ServiceName AS service_name,
    ScopeName AS scope_name,
    ScopeVersion AS scope_version,
    said('integration.interface') AS interface,
    said('integration.source') AS source,
    said('integration.destination') AS destination,
    said('integration.facility') AS facility,
    said('messaging.system') AS system,
    SpanAttributes['integration.message'] AS message,
    SpanAttributes['integration.operation'] AS operation,
    SpanAttributes['integration.outcome'] AS outcome,
    SpanAttributes['integration.ack.code'] AS ack_code,
    SpanAttributes['integration.reason'] AS reason,
    SpanAttributes['messaging.message.id'] AS control_id,
    SpanAttributes['messaging.message.conversation_id'] AS conversation_id,
    toUInt32OrZero(SpanAttributes['messaging.message.body.size']) AS bytes,
    toUInt32OrZero(SpanAttributes['integration.ack.size']) AS ack_bytes,
    arrayMap(k -> substringIndex(k, ':', 1), keys) AS key_kinds,
    arrayMap(k -> substringIndex(substringIndex(k, ':', 2), ':', -1), keys) AS key_authorities,
    arrayMap(k -> substringIndex(k, ':', -1), keys) AS key_tokens,
    JSONExtract(SpanAttributes['journey.keys.sealed'], 'Array(String)') AS key_seals,
    CAST(mapApply((k, v) -> (substring(k, 21), toFloat64OrZero(v)),
        mapFilter((k, v) -> startsWith(k, 'integration.measure.'), SpanAttributes)),
        'Map(LowCardinality(String), Float64)') AS measures,
    CAST(mapApply((k, v) -> (substring(k, 23), v),
        mapFilter((k, v) -> startsWith(k, 'integration.attribute.'), SpanAttributes)),
        'Map(LowCardinality(String), String)') AS tags,
    mapFilter((k, v) -> NOT has_column(k), SpanAttributes) AS attributes,
    mapFilter((k, v) -> k != 'service.name' AND NOT has_column(k), ResourceAttributes) AS resource_attributes,
    TraceState AS trace_state,
    `Events.Timestamp` AS `events.at`,
    `Events.Name` AS `events.name`,
    `Events.Attributes` AS `events.attributes`,
    `Links.TraceId` AS `links.trace_id`,
    `Links.SpanId` AS `links.span_id`,
    `Links.TraceState` AS `links.trace_state`,
    `Links.Attributes` AS `links.attributes`
FROM otel_traces_in;
