-- 0007_otlp.sql

-- How OTLP becomes spans. A body goes into otlp_in, whose view knows plain spans only and is fast for it: the
-- spans of taps. It refuses a body (throwIf) with an event, a link with attributes, an array other than journey.keys
-- or a key-value list, and one with rarer things: bytes, texts above 16 KiB, integers that are negative or above 34
-- bits, keys above 120 bytes. Store.insert_otlp then puts the same body into otlp_nested_in, whose view knows
-- everything. Both give the same row for a plain span. Nothing is written before the refusal, because a body is one
-- row here.
--
-- One textual form per type, the same as tests/store/reference.py: strings as they are, integers in decimal, true
-- and false, doubles in the shortest form that reads back, bytes in base64, arrays and key-value lists as JSON (in
-- which bytes are base64 strings, NaN and infinities strings, an empty value null). A value that is nested deeper
-- than two, or longer than 16 KiB inside a nested one, appears there as {"otlp": "<base64 of its AnyValue>"}.
-- What has a column of spans leaves the maps, but only when its type fits: otherwise it stays in attributes.

-- otlp_in: plain bodies; keeps nothing. Its columns are the paths of otlp_plain.proto, a level of arrays for every
-- level of repetition: a whole body is one row. Attribute values stay AnyValue messages, one column instead of eight.
CREATE TABLE IF NOT EXISTS otlp_in
(
    `resource_spans.resource.attributes.key` Array(Array(String)),
    `resource_spans.resource.attributes.value` Array(Array(String)),
    `resource_spans.scope_spans.scope.name` Array(Array(LowCardinality(String))),
    `resource_spans.scope_spans.scope.version` Array(Array(LowCardinality(String))),
    `resource_spans.scope_spans.scope.attributes.key` Array(Array(Array(String))),
    `resource_spans.scope_spans.scope.attributes.value` Array(Array(Array(String))),
    `resource_spans.scope_spans.spans.trace_id` Array(Array(Array(String))),
    `resource_spans.scope_spans.spans.span_id` Array(Array(Array(String))),
    `resource_spans.scope_spans.spans.trace_state` Array(Array(Array(String))),
    `resource_spans.scope_spans.spans.parent_span_id` Array(Array(Array(String))),
    `resource_spans.scope_spans.spans.name` Array(Array(Array(LowCardinality(String)))),
    `resource_spans.scope_spans.spans.kind` Array(Array(Array(Int32))),
    `resource_spans.scope_spans.spans.start_time_unix_nano` Array(Array(Array(UInt64))),
    `resource_spans.scope_spans.spans.end_time_unix_nano` Array(Array(Array(UInt64))),
    `resource_spans.scope_spans.spans.attributes.key` Array(Array(Array(Array(LowCardinality(String))))),
    `resource_spans.scope_spans.spans.attributes.value` Array(Array(Array(Array(String)))),
    `resource_spans.scope_spans.spans.events` Array(Array(Array(Array(String)))),
    `resource_spans.scope_spans.spans.links` Array(Array(Array(Array(String)))),
    `resource_spans.scope_spans.spans.status.message` Array(Array(Array(LowCardinality(String)))),
    `resource_spans.scope_spans.spans.status.code` Array(Array(Array(Int32))),
    `resource_spans.scope_spans.spans.flags` Array(Array(Array(UInt32)))
)
ENGINE = Null;

-- otlp_nested_in: bodies with anything OTLP allows; keeps nothing.
CREATE TABLE IF NOT EXISTS otlp_nested_in
(
    `resource_spans.resource.attributes.key` Array(Array(String)),
    `resource_spans.resource.attributes.value.kind` Array(Array(Enum8('no' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7))),
    `resource_spans.resource.attributes.value.string_value` Array(Array(String)),
    `resource_spans.resource.attributes.value.bool_value` Array(Array(UInt8)),
    `resource_spans.resource.attributes.value.int_value` Array(Array(Int64)),
    `resource_spans.resource.attributes.value.double_value` Array(Array(Float64)),
    `resource_spans.resource.attributes.value.bytes_value` Array(Array(String)),
    `resource_spans.resource.attributes.value.array_value.values` Array(Array(Array(String))),
    `resource_spans.resource.attributes.value.kvlist_value.values.key` Array(Array(Array(String))),
    `resource_spans.resource.attributes.value.kvlist_value.values.value` Array(Array(Array(String))),
    `resource_spans.scope_spans.scope.name` Array(Array(String)),
    `resource_spans.scope_spans.scope.version` Array(Array(String)),
    `resource_spans.scope_spans.scope.attributes.key` Array(Array(Array(String))),
    `resource_spans.scope_spans.scope.attributes.value.kind` Array(Array(Array(Enum8('no' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7)))),
    `resource_spans.scope_spans.scope.attributes.value.string_value` Array(Array(Array(String))),
    `resource_spans.scope_spans.scope.attributes.value.bool_value` Array(Array(Array(UInt8))),
    `resource_spans.scope_spans.scope.attributes.value.int_value` Array(Array(Array(Int64))),
    `resource_spans.scope_spans.scope.attributes.value.double_value` Array(Array(Array(Float64))),
    `resource_spans.scope_spans.scope.attributes.value.bytes_value` Array(Array(Array(String))),
    `resource_spans.scope_spans.scope.attributes.value.array_value.values` Array(Array(Array(Array(String)))),
    `resource_spans.scope_spans.scope.attributes.value.kvlist_value.values.key` Array(Array(Array(Array(String)))),
    `resource_spans.scope_spans.scope.attributes.value.kvlist_value.values.value` Array(Array(Array(Array(String)))),
    `resource_spans.scope_spans.spans.trace_id` Array(Array(Array(String))),
    `resource_spans.scope_spans.spans.span_id` Array(Array(Array(String))),
    `resource_spans.scope_spans.spans.trace_state` Array(Array(Array(String))),
    `resource_spans.scope_spans.spans.parent_span_id` Array(Array(Array(String))),
    `resource_spans.scope_spans.spans.name` Array(Array(Array(String))),
    `resource_spans.scope_spans.spans.kind` Array(Array(Array(Int32))),
    `resource_spans.scope_spans.spans.start_time_unix_nano` Array(Array(Array(UInt64))),
    `resource_spans.scope_spans.spans.end_time_unix_nano` Array(Array(Array(UInt64))),
    `resource_spans.scope_spans.spans.status.message` Array(Array(Array(String))),
    `resource_spans.scope_spans.spans.status.code` Array(Array(Array(Int32))),
    `resource_spans.scope_spans.spans.flags` Array(Array(Array(UInt32))),
    `resource_spans.scope_spans.spans.attributes.key` Array(Array(Array(Array(String)))),
    `resource_spans.scope_spans.spans.attributes.value.kind` Array(Array(Array(Array(Enum8('no' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7))))),
    `resource_spans.scope_spans.spans.attributes.value.string_value` Array(Array(Array(Array(String)))),
    `resource_spans.scope_spans.spans.attributes.value.bool_value` Array(Array(Array(Array(UInt8)))),
    `resource_spans.scope_spans.spans.attributes.value.int_value` Array(Array(Array(Array(Int64)))),
    `resource_spans.scope_spans.spans.attributes.value.double_value` Array(Array(Array(Array(Float64)))),
    `resource_spans.scope_spans.spans.attributes.value.bytes_value` Array(Array(Array(Array(String)))),
    `resource_spans.scope_spans.spans.attributes.value.array_value.values` Array(Array(Array(Array(Array(String))))),
    `resource_spans.scope_spans.spans.attributes.value.kvlist_value.values.key` Array(Array(Array(Array(Array(String))))),
    `resource_spans.scope_spans.spans.attributes.value.kvlist_value.values.value` Array(Array(Array(Array(Array(String))))),
    `resource_spans.scope_spans.spans.events.time_unix_nano` Array(Array(Array(Array(UInt64)))),
    `resource_spans.scope_spans.spans.events.name` Array(Array(Array(Array(String)))),
    `resource_spans.scope_spans.spans.events.attributes.key` Array(Array(Array(Array(Array(String))))),
    `resource_spans.scope_spans.spans.events.attributes.value.kind` Array(Array(Array(Array(Array(Enum8('no' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7)))))),
    `resource_spans.scope_spans.spans.events.attributes.value.string_value` Array(Array(Array(Array(Array(String))))),
    `resource_spans.scope_spans.spans.events.attributes.value.bool_value` Array(Array(Array(Array(Array(UInt8))))),
    `resource_spans.scope_spans.spans.events.attributes.value.int_value` Array(Array(Array(Array(Array(Int64))))),
    `resource_spans.scope_spans.spans.events.attributes.value.double_value` Array(Array(Array(Array(Array(Float64))))),
    `resource_spans.scope_spans.spans.events.attributes.value.bytes_value` Array(Array(Array(Array(Array(String))))),
    `resource_spans.scope_spans.spans.events.attributes.value.array_value.values` Array(Array(Array(Array(Array(Array(String)))))),
    `resource_spans.scope_spans.spans.events.attributes.value.kvlist_value.values.key` Array(Array(Array(Array(Array(Array(String)))))),
    `resource_spans.scope_spans.spans.events.attributes.value.kvlist_value.values.value` Array(Array(Array(Array(Array(Array(String)))))),
    `resource_spans.scope_spans.spans.links.trace_id` Array(Array(Array(Array(String)))),
    `resource_spans.scope_spans.spans.links.span_id` Array(Array(Array(Array(String)))),
    `resource_spans.scope_spans.spans.links.trace_state` Array(Array(Array(Array(String)))),
    `resource_spans.scope_spans.spans.links.attributes.key` Array(Array(Array(Array(Array(String))))),
    `resource_spans.scope_spans.spans.links.attributes.value.kind` Array(Array(Array(Array(Array(Enum8('no' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, 'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7)))))),
    `resource_spans.scope_spans.spans.links.attributes.value.string_value` Array(Array(Array(Array(Array(String))))),
    `resource_spans.scope_spans.spans.links.attributes.value.bool_value` Array(Array(Array(Array(Array(UInt8))))),
    `resource_spans.scope_spans.spans.links.attributes.value.int_value` Array(Array(Array(Array(Array(Int64))))),
    `resource_spans.scope_spans.spans.links.attributes.value.double_value` Array(Array(Array(Array(Array(Float64))))),
    `resource_spans.scope_spans.spans.links.attributes.value.bytes_value` Array(Array(Array(Array(Array(String))))),
    `resource_spans.scope_spans.spans.links.attributes.value.array_value.values` Array(Array(Array(Array(Array(Array(String)))))),
    `resource_spans.scope_spans.spans.links.attributes.value.kvlist_value.values.key` Array(Array(Array(Array(Array(Array(String)))))),
    `resource_spans.scope_spans.spans.links.attributes.value.kvlist_value.values.value` Array(Array(Array(Array(Array(Array(String))))))
)
ENGINE = Null;

-- spans_in: decoded spans on their way; keeps nothing. Fed by otlp_spans, otlp_nested_spans and otel_traces_spans, read by the
-- views that fill spans, keys, key_pairs and interface_minute. Has the columns of spans, and what only keys needs.
CREATE TABLE IF NOT EXISTS spans_in
(
    trace_id            String,
    span_id             String,
    parent_span_id      String,
    start               DateTime64(9, 'UTC'),
    duration_ns         UInt64,
    name                LowCardinality(String),
    kind                LowCardinality(String),
    status_code         LowCardinality(String),
    status_message      LowCardinality(String),
    service_name        LowCardinality(String),
    scope_name          LowCardinality(String),
    scope_version       LowCardinality(String),
    interface           LowCardinality(String),
    source              LowCardinality(String),
    destination         LowCardinality(String),
    facility            LowCardinality(String),
    system              LowCardinality(String),
    message             LowCardinality(String),
    operation           LowCardinality(String),
    outcome             LowCardinality(String),
    ack_code            LowCardinality(String),
    reason              LowCardinality(String),
    control_id          String,
    conversation_id     String,
    bytes               UInt32,
    ack_bytes           UInt32,
    key_kinds           Array(String),
    key_authorities     Array(String),
    key_tokens          Array(String),
    key_seals           Array(String),
    measures            Map(String, Float64),
    tags                Map(String, String),
    attributes          Map(String, String),
    resource_attributes Map(String, String),
    scope_attributes    Map(String, String),
    trace_state         String,
    flags               UInt32,
    `events.at`         Array(DateTime64(9, 'UTC')),
    `events.name`       Array(String),
    `events.attributes` Array(Map(String, String)),
    `links.trace_id`    Array(String),
    `links.span_id`     Array(String),
    `links.trace_state` Array(String),
    `links.attributes`  Array(Map(String, String))
)
ENGINE = Null;

-- otlp_spans: plain spans. Everything is done a few times per array and never per name:
--   heads   the first eight bytes of each AnyValue as a number, lowest byte first: its tag, then the length of a
--           text (one byte below 128, two below 16384) or the varint of an integer
--   codes   per attribute 256 * (place of its name in the list below) when it is of the type its column has; the
--           lowest byte is not 0 when it is of another type, and the whole is below 256 for any other name
-- What is not written as every encoder writes it is refused with the rest: the shorter way must not guess.
CREATE MATERIALIZED VIEW IF NOT EXISTS otlp_spans TO spans_in AS
WITH
    (m) -> substring(m, 3 + (length(m) > 129)) AS content,
    (head, size) -> if(size < 130, bitAnd(bitShiftRight(head, 8), 255) = size - 2,
        bitAnd(bitShiftRight(head, 8), 65535) = bitOr(128, bitAnd(size - 3, 127)) + 256 * bitShiftRight(size - 3, 7)) AS sized,
    (head) -> bitAnd(bitShiftRight(head, 8), 127) + bitAnd(bitShiftRight(head, 9), 16256)
        + bitAnd(bitShiftRight(head, 10), 2080768) + bitAnd(bitShiftRight(head, 11), 266338304)
        + bitAnd(bitShiftRight(head, 12), 34091302912) AS whole,
    (code) -> texts[indexOf(codes, code)] AS said
SELECT
    lower(hex(trace)) AS trace_id,
    lower(hex(span)) AS span_id,
    lower(hex(parent)) AS parent_span_id,
    fromUnixTimestamp64Nano(toInt64(started), 'UTC') AS start,
    greatest(ended, started) - started AS duration_ns,
    name,
    transform(kind_number, [1, 2, 3, 4, 5], ['Internal', 'Server', 'Client', 'Producer', 'Consumer'], 'Unspecified') AS kind,
    transform(status_number, [1, 2], ['Ok', 'Error'], 'Unset') AS status_code,
    status_message,
    service_name,
    scope_name,
    scope_version,
    if(said(256) = '', scope_interface, said(256)) AS interface,
    if(said(512) = '', scope_source, said(512)) AS source,
    if(said(768) = '', scope_destination, said(768)) AS destination,
    if(said(1024) = '', scope_facility, said(1024)) AS facility,
    if(said(1280) = '', scope_system, said(1280)) AS system,
    said(1536) AS message,
    said(1792) AS operation,
    said(2048) AS outcome,
    said(2304) AS ack_code,
    said(2560) AS reason,
    said(2816) AS control_id,
    said(3072) AS conversation_id,
    toUInt32(size) AS bytes,
    toUInt32(ack_size) AS ack_bytes,
    arrayMap(k -> substringIndex(k, ':', 1), keys) AS key_kinds,
    arrayMap(k -> substringIndex(substringIndex(k, ':', 2), ':', -1), keys) AS key_authorities,
    arrayMap(k -> substringIndex(k, ':', -1), keys) AS key_tokens,
    arraySlice(elements, length(keys) + 1) AS key_seals,
    mapFromArrays(
        arrayMap(k -> substring(k, 21), arrayFilter((k, c) -> c IN (4608, 4665), a_key, codes)),
        arrayMap((m, head) -> if(bitAnd(head, 255) = 24, toFloat64(whole(head)), reinterpretAsFloat64(substring(m, 2))),
            arrayFilter((m, c) -> c IN (4608, 4665), a_value, codes),
            arrayFilter((head, c) -> c IN (4608, 4665), heads, codes))) AS measures,
    mapFromArrays(
        arrayMap(k -> substring(k, 23), arrayFilter((k, c) -> c = 4352, a_key, codes)),
        arrayFilter((t, c) -> c = 4352, texts, codes)) AS tags,
    mapFromArrays(
        arrayFilter((k, other) -> other, a_key, rest),
        arrayMap((m, text, head) -> multiIf(
                bitAnd(head, 255) = 10, text,
                bitAnd(head, 255) = 24, toString(whole(head)),
                bitAnd(head, 255) = 33, toString(reinterpretAsFloat64(substring(m, 2))),
                head = 16, 'false', head = 272, 'true', ''),
            arrayFilter((m, other) -> other, a_value, rest),
            arrayFilter((text, other) -> other, texts, rest),
            arrayFilter((head, other) -> other, heads, rest))) AS attributes,
    resource_attributes,
    scope_attributes,
    trace_state,
    flags,
    arrayMap(m -> lower(hex(substring(m, 3, 16))), link) AS `links.trace_id`,
    arrayMap(m -> lower(hex(substring(m, 21, 8))), link) AS `links.span_id`,
    arrayMap(m -> '', link) AS `links.trace_state`,
    arrayMap(m -> CAST(map(), 'Map(String, String)'), link) AS `links.attributes`
FROM
(
    SELECT
        service_name, resource_attributes, scope_attributes, scope_name, scope_version, scope_interface,
        scope_source, scope_destination, scope_facility, scope_system, trace, span, trace_state, parent,
        name, kind_number, started, ended, status_message, status_number, flags, a_key, a_value, event,
        link,
        arrayMap(m -> content(m), a_value) AS texts,
        arrayMap(m -> reinterpretAsUInt64(m), a_value) AS heads,
        arrayMap((k, head) -> bitXor(toUInt16(k), bitAnd(head, 255)),
            arrayMap(k -> transform(k, [
                    'integration.interface', 'integration.source', 'integration.destination', 'integration.facility',
                    'messaging.system', 'integration.message', 'integration.operation', 'integration.outcome',
                    'integration.ack.code', 'integration.reason', 'messaging.message.id',
                    'messaging.message.conversation_id', 'messaging.message.body.size', 'integration.ack.size',
                    'journey.keys', 'journey.keys.sealed'],
                [266, 522, 778, 1034, 1290, 1546, 1802, 2058, 2314, 2570, 2826, 3082, 3352, 3608, 3882, 4138], 0)
                + 4362 * startsWith(k, 'integration.attribute.') + 4641 * startsWith(k, 'integration.measure.'), a_key),
            heads) AS codes,
        arrayMap(c -> c < 256 OR (bitAnd(c, 255) > 0 AND c != 4665), codes) AS rest,
        whole(heads[indexOf(codes, 3328)]) AS size,
        whole(heads[indexOf(codes, 3584)]) AS ack_size,
        -- Both arrays of texts at once; see below how they are laid out.
        said(3840) AS key_run,
        splitByChar('\n', concat(key_run, said(4096))) AS parts,
        arrayMap(p -> substring(p, 2), arrayFilter((p, i) -> i > 1 AND i % 2, parts, arrayEnumerate(parts))) AS elements,
        arraySlice(elements, 1, intDiv(countSubstrings(key_run, '\n'), 2)) AS keys
    FROM
    (
        SELECT
            service_name, resource_attributes, scope_name, scope_version,
            content(scope_value[indexOf(scope_key, 'integration.interface')]) AS scope_interface,
            content(scope_value[indexOf(scope_key, 'integration.source')]) AS scope_source,
            content(scope_value[indexOf(scope_key, 'integration.destination')]) AS scope_destination,
            content(scope_value[indexOf(scope_key, 'integration.facility')]) AS scope_facility,
            content(scope_value[indexOf(scope_key, 'messaging.system')]) AS scope_system,
            mapFilter((k, t) -> k NOT IN ('integration.interface', 'integration.source', 'integration.destination',
                    'integration.facility', 'messaging.system'),
                mapFromArrays(scope_key, arrayMap(m -> content(m), scope_value))) AS scope_attributes,
            trace, span, trace_state, parent, name, kind_number, started, ended, status_message,
            status_number, flags, a_key, a_value, event, link
        FROM
        (
            SELECT
                content(resource_value[indexOf(resource_key, 'service.name')]) AS service_name,
                mapFilter((k, t) -> k != 'service.name',
                    mapFromArrays(resource_key, arrayMap(m -> content(m), resource_value))) AS resource_attributes,
                scope_name, scope_version, scope_key, scope_value, trace, span, trace_state, parent, name,
                kind_number, started, ended, status_message, status_number, flags, a_key, a_value, event, link
            FROM
            (
                WITH
                    arrayFlatten(`resource_spans.scope_spans.spans.attributes.value`) AS all_values,
                    arrayMap(m -> reinterpretAsUInt64(m), all_values) AS all_heads,
                    -- Every array of texts, one after another. An element is '\n', its length, '\n', the length of the
                    -- text, the text: where a text is too long for that, or has a '\n', the parts do not fit.
                    splitByChar('\n', arrayStringConcat(arrayMap(m -> content(m),
                        arrayFilter(m -> startsWith(m, '\x2A'), all_values)))) AS all_parts,
                    arrayFilter((p, i) -> i > 1 AND i % 2, all_parts, arrayEnumerate(all_parts)) AS odd_parts,
                    arrayFilter((p, i) -> i % 2 = 0, all_parts, arrayEnumerate(all_parts)) AS even_parts
                SELECT *
                FROM otlp_in
                -- The whole body is one row still, so nothing has been written when it is refused.
                WHERE throwIf(NOT (
                    empty(arrayFlatten(`resource_spans.scope_spans.spans.events`))
                    AND arrayAll(m -> m = '' OR (startsWith(m, '\x0A') AND sized(reinterpretAsUInt64(m), length(m))),
                        arrayConcat(arrayFlatten(`resource_spans.resource.attributes.value`),
                            arrayFlatten(`resource_spans.scope_spans.scope.attributes.value`)))
                    AND arrayAll((head, size, tag, k) ->
                            (tag = 10 AND sized(head, size))
                            OR (tag = 42 AND k > 1 AND sized(head, size))
                            OR (tag = 24 AND size BETWEEN 2 AND 6 - (k = 1) AND bitAnd(bitShiftRight(head, 8), 551911719040)
                                = bitShiftRight(2155905152, 8 * (6 - least(size, 6))))
                            OR (tag = 33 AND size = 9) OR (tag = 16 AND size = 2 AND head <= 272) OR size = 0,
                        all_heads, arrayMap(m -> length(m), all_values), arrayMap(head -> bitAnd(head, 255), all_heads),
                        arrayMap(k -> transform(k, ['messaging.message.body.size', 'integration.ack.size', 'journey.keys',
                            'journey.keys.sealed'], [1, 1, 2, 2], 0), arrayFlatten(`resource_spans.scope_spans.spans.attributes.key`)))
                    AND length(even_parts) = length(odd_parts)
                    AND arrayAll((even, odd) -> length(even) = 1 AND reinterpretAsUInt8(even) = length(odd) + 1
                            AND reinterpretAsUInt8(odd) = length(odd) - 1,
                        arrayResize(even_parts, length(odd_parts)), odd_parts)
                    AND arrayAll(m -> startsWith(m, '\x0A\x10') AND substring(m, 19, 2) = '\x12\x08'
                            AND (length(m) = 28 OR (length(m) = 33 AND substring(m, 29, 1) = '\x35')),
                        arrayFlatten(`resource_spans.scope_spans.spans.links`)))) = 0
            )
            ARRAY JOIN
                `resource_spans.resource.attributes.key` AS resource_key,
                `resource_spans.resource.attributes.value` AS resource_value,
                `resource_spans.scope_spans.scope.name` AS scope_name,
                `resource_spans.scope_spans.scope.version` AS scope_version,
                `resource_spans.scope_spans.scope.attributes.key` AS scope_key,
                `resource_spans.scope_spans.scope.attributes.value` AS scope_value,
                `resource_spans.scope_spans.spans.trace_id` AS trace,
                `resource_spans.scope_spans.spans.span_id` AS span,
                `resource_spans.scope_spans.spans.trace_state` AS trace_state,
                `resource_spans.scope_spans.spans.parent_span_id` AS parent,
                `resource_spans.scope_spans.spans.name` AS name,
                `resource_spans.scope_spans.spans.kind` AS kind_number,
                `resource_spans.scope_spans.spans.start_time_unix_nano` AS started,
                `resource_spans.scope_spans.spans.end_time_unix_nano` AS ended,
                `resource_spans.scope_spans.spans.status.message` AS status_message,
                `resource_spans.scope_spans.spans.status.code` AS status_number,
                `resource_spans.scope_spans.spans.flags` AS flags,
                `resource_spans.scope_spans.spans.attributes.key` AS a_key,
                `resource_spans.scope_spans.spans.attributes.value` AS a_value,
                `resource_spans.scope_spans.spans.events` AS event,
                `resource_spans.scope_spans.spans.links` AS link
        )
        ARRAY JOIN
            scope_name, scope_version, scope_key, scope_value, trace, span, trace_state, parent, name,
            kind_number, started, ended, status_message, status_number, flags, a_key, a_value, event, link
    )
    ARRAY JOIN
        trace, span, trace_state, parent, name, kind_number, started, ended, status_message, status_number,
        flags, a_key, a_value, event, link
);

-- otlp_nested_spans: any spans.
CREATE MATERIALIZED VIEW IF NOT EXISTS otlp_nested_spans TO spans_in AS
-- Every step that needs the result of another in a function of its own is a subquery: an expression that is used
-- inside a function is analysed again for each use, which cost an insert more than a second.
WITH
    -- Raw messages. A length below 128 takes one byte, below 16384 two, and so on: hence where the content starts.
    (m) -> substring(m, 3 + (length(m) > 129) + (length(m) > 16386) + (length(m) > 2097155)) AS content,
    (m, place) -> reinterpretAsUInt8(substring(m, place, 1)) AS octet,
    (m, place) -> if(octet(m, place) < 128, octet(m, place),
        octet(m, place) - 128 + 128 * octet(m, place + 1)) AS size_at,
    (m) -> multiIf(
        m = '', 'null',
        startsWith(m, '\x0A'), toJSONString(content(m)),
        startsWith(m, '\x10'), if(m = '\x10\x00', 'false', 'true'),
        startsWith(m, '\x18'), toString(reinterpretAsInt64(arraySum(
            i -> bitShiftLeft(toUInt64(bitAnd(octet(m, i + 2), 127)), 7 * i), range(length(m) - 1)))),
        startsWith(m, '\x21'), replaceRegexpOne(toString(reinterpretAsFloat64(substring(m, 2))), '^(-?[in].*)', '"\\1"'),
        startsWith(m, '\x3A'), concat('"', base64Encode(content(m)), '"'),
        concat('{"otlp":"', base64Encode(m), '"}')) AS json_scalar,
    length(resource_key) AS resource_size,
    length(scope_key) AS scope_size,
    resource_size + scope_size + length(a_key) + 1 AS events_place,
    events_place + length(arrayFlatten(event_key)) AS links_place,
    (name) -> a_text[indexOf(a_key, name)] AS said,
    (name) -> scope_text[indexOf(scope_key, name)] AS scope_said,
    arrayMap(m -> content(m), a_items[indexOf(a_key, 'journey.keys')]) AS keys,
    -- Which attributes stay in the map: 1 for those without a column, or of another type than their column.
    arrayMap((k, kind, whole) -> NOT (
        (kind = 'string_value' AND (startsWith(k, 'integration.attribute.') OR k IN (
            'integration.interface', 'integration.source', 'integration.destination', 'integration.facility',
            'messaging.system', 'integration.message', 'integration.operation', 'integration.outcome',
            'integration.ack.code', 'integration.reason', 'messaging.message.id',
            'messaging.message.conversation_id')))
        OR (kind = 'int_value' AND k IN ('messaging.message.body.size', 'integration.ack.size')
            AND whole BETWEEN 0 AND 4294967295)
        OR (kind IN ('int_value', 'double_value') AND startsWith(k, 'integration.measure.'))
        OR (kind = 'array_value' AND k IN ('journey.keys', 'journey.keys.sealed'))), a_key, a_kind, a_whole) AS rest
SELECT
    lower(hex(trace)) AS trace_id,
    lower(hex(span)) AS span_id,
    lower(hex(parent)) AS parent_span_id,
    fromUnixTimestamp64Nano(toInt64(started), 'UTC') AS start,
    greatest(ended, started) - started AS duration_ns,
    name,
    transform(kind_number, [1, 2, 3, 4, 5], ['Internal', 'Server', 'Client', 'Producer', 'Consumer'], 'Unspecified') AS kind,
    transform(status_number, [1, 2], ['Ok', 'Error'], 'Unset') AS status_code,
    status_message,
    resource_text[indexOf(resource_key, 'service.name')] AS service_name,
    scope_name,
    scope_version,
    if(said('integration.interface') = '', scope_said('integration.interface'), said('integration.interface')) AS interface,
    if(said('integration.source') = '', scope_said('integration.source'), said('integration.source')) AS source,
    if(said('integration.destination') = '', scope_said('integration.destination'), said('integration.destination')) AS destination,
    if(said('integration.facility') = '', scope_said('integration.facility'), said('integration.facility')) AS facility,
    if(said('messaging.system') = '', scope_said('messaging.system'), said('messaging.system')) AS system,
    said('integration.message') AS message,
    said('integration.operation') AS operation,
    said('integration.outcome') AS outcome,
    said('integration.ack.code') AS ack_code,
    said('integration.reason') AS reason,
    said('messaging.message.id') AS control_id,
    said('messaging.message.conversation_id') AS conversation_id,
    toUInt32(least(greatest(a_whole[indexOf(a_key, 'messaging.message.body.size')], 0), 4294967295)) AS bytes,
    toUInt32(least(greatest(a_whole[indexOf(a_key, 'integration.ack.size')], 0), 4294967295)) AS ack_bytes,
    arrayMap(k -> substringIndex(k, ':', 1), keys) AS key_kinds,
    arrayMap(k -> substringIndex(substringIndex(k, ':', 2), ':', -1), keys) AS key_authorities,
    arrayMap(k -> substringIndex(k, ':', -1), keys) AS key_tokens,
    arrayMap(m -> content(m), a_items[indexOf(a_key, 'journey.keys.sealed')]) AS key_seals,
    CAST(mapFromArrays(
        arrayMap(k -> substring(k, 21), arrayFilter((k, t) -> startsWith(k, 'integration.measure.') AND t IN ('double_value', 'int_value'), a_key, a_kind)),
        arrayFilter((r, k, t) -> startsWith(k, 'integration.measure.') AND t IN ('double_value', 'int_value'), arrayMap((r, i, t) -> if(t = 'int_value', toFloat64(i), r), a_real, a_whole, a_kind), a_key, a_kind)), 'Map(LowCardinality(String), Float64)') AS measures,
    CAST(mapFromArrays(
        arrayMap(k -> substring(k, 23), arrayFilter((k, t) -> startsWith(k, 'integration.attribute.') AND t = 'string_value', a_key, a_kind)),
        arrayFilter((s, k, t) -> startsWith(k, 'integration.attribute.') AND t = 'string_value', a_text, a_key, a_kind)), 'Map(LowCardinality(String), String)') AS tags,
    CAST(mapFromArrays(
        arrayFilter((k, other) -> other, a_key, rest),
        arrayFilter((t, other) -> other, arraySlice(all_texts, resource_size + scope_size + 1, length(a_key)), rest)),
        'Map(LowCardinality(String), String)') AS attributes,
    CAST(mapFilter((k, t) -> k != 'service.name',
        mapFromArrays(resource_key, arraySlice(all_texts, 1, resource_size))), 'Map(LowCardinality(String), String)') AS resource_attributes,
    CAST(mapFilter((k, t) -> k NOT IN ('integration.interface', 'integration.source', 'integration.destination',
            'integration.facility', 'messaging.system'),
        mapFromArrays(scope_key, arraySlice(all_texts, resource_size + 1, scope_size))), 'Map(LowCardinality(String), String)') AS scope_attributes,
    trace_state,
    flags,
    arrayMap(t -> fromUnixTimestamp64Nano(toInt64(t), 'UTC'), event_at) AS `events.at`,
    event_name AS `events.name`,
    arrayMap((end, size) -> CAST(mapFromArrays(
            arraySlice(all_key, events_place + end - size, size),
            arraySlice(all_texts, events_place + end - size, size)), 'Map(LowCardinality(String), String)'),
        arrayCumSum(k -> length(k), event_key), arrayMap(k -> length(k), event_key)) AS `events.attributes`,
    arrayMap(id -> lower(hex(id)), link_trace) AS `links.trace_id`,
    arrayMap(id -> lower(hex(id)), link_span) AS `links.span_id`,
    link_state AS `links.trace_state`,
    arrayMap((end, size) -> CAST(mapFromArrays(
            arraySlice(all_key, links_place + end - size, size),
            arraySlice(all_texts, links_place + end - size, size)), 'Map(LowCardinality(String), String)'),
        arrayCumSum(k -> length(k), link_key), arrayMap(k -> length(k), link_key)) AS `links.attributes`
FROM
(
    SELECT
        resource_key, resource_text, scope_key, scope_text, scope_name, scope_version, a_key, a_kind,
        a_text, a_whole, a_real, a_items, event_at, event_name, event_key, link_trace, link_span,
        link_state, link_key, trace, span, trace_state, parent, name, kind_number, started, ended,
        status_message, status_number, flags,
        all_key,
        arrayMap((kind, text, truth, whole, real, raw, end, size) -> multiIf(
            kind = 'string_value', text,
            kind = 'int_value', toString(whole),
            kind = 'bool_value', if(truth, 'true', 'false'),
            kind = 'double_value', toString(real),
            kind = 'bytes_value', base64Encode(raw),
            kind = 'array_value', concat('[', arrayStringConcat(arraySlice(element_texts, end - size + 1, size), ','), ']'),
            kind = 'kvlist_value', concat('{', arrayStringConcat(arraySlice(element_texts, end - size + 1, size), ','), '}'),
            ''), all_kind, all_text, all_truth, all_whole, all_real, all_raw, arrayCumSum(sizes), sizes) AS all_texts
    FROM
    (
        SELECT
            resource_key, resource_text, scope_key, scope_text, scope_name, scope_version, a_key, a_kind,
            a_text, a_whole, a_real, a_items, event_at, event_name, event_key, link_trace, link_span,
            link_state, link_key, trace, span, trace_state, parent, name, kind_number, started, ended,
            status_message, status_number, flags,
            all_key, all_kind, all_text, all_truth, all_whole, all_real, all_raw,
            sizes,
            arrayMap((m, name, named, open, end, size) -> concat(
                if(named, concat(toJSONString(name), ':'), ''),
                multiIf(
                    NOT open, json_scalar(m),
                    startsWith(m, '\x2A'), concat('[', arrayStringConcat(arraySlice(part_texts, end - size + 1, size), ','), ']'),
                    concat('{', arrayStringConcat(arraySlice(part_texts, end - size + 1, size), ','), '}'))),
                elements, names, named, opened, arrayCumSum(part_sizes), part_sizes) AS element_texts
        FROM
        (
            SELECT
                resource_key, resource_text, scope_key, scope_text, scope_name, scope_version, a_key, a_kind,
                a_text, a_whole, a_real, a_items, event_at, event_name, event_key, link_trace, link_span,
                link_state, link_key, trace, span, trace_state, parent, name, kind_number, started, ended,
                status_message, status_number, flags,
                all_key, all_kind, all_text, all_truth, all_whole, all_real, all_raw,
                sizes, elements, names, named, opened, part_sizes,
                -- A named part is a KeyValue message: its key when it has one, then its value.
                arrayMap((part, named) -> if(named, concat(
                        toJSONString(if(startsWith(part, '\x0A'), substring(part, 3 + (octet(part, 2) > 127), size_at(part, 2)), '')), ':',
                        json_scalar(content(if(startsWith(part, '\x0A'),
                            substring(part, 3 + (octet(part, 2) > 127) + size_at(part, 2)), part)))),
                    json_scalar(part)), parts, part_named) AS part_texts
            FROM
            (
                SELECT
                    resource_key, resource_text, scope_key, scope_text, scope_name, scope_version, a_key, a_kind,
                    a_text, a_whole, a_real, a_items, event_at, event_name, event_key, link_trace, link_span,
                    link_state, link_key, trace, span, trace_state, parent, name, kind_number, started, ended,
                    status_message, status_number, flags,
                    all_key, all_kind, all_text, all_truth, all_whole, all_real, all_raw,
                    sizes, elements, names, named,
                    arrayMap((m, cut) -> match(m, '^[\x2A\x32]') AND cut.1 = length(content(m)) + 1, elements, cuts) AS opened,
                    arrayMap(cut -> length(cut.2), cuts) AS part_sizes,
                    arrayFlatten(arrayMap(cut -> cut.2, cuts)) AS parts,
                    arrayFlatten(arrayMap((m, cut) -> arrayWithConstant(length(cut.2), startsWith(m, '\x32')), elements, cuts)) AS part_named
                FROM
                (
                    SELECT
                        resource_key, resource_text, scope_key, scope_text, scope_name, scope_version, a_key, a_kind,
                        a_text, a_whole, a_real, a_items, event_at, event_name, event_key, link_trace, link_span,
                        link_state, link_key, trace, span, trace_state, parent, name, kind_number, started, ended,
                        status_message, status_number, flags,
                        all_key, all_kind, all_text, all_truth, all_whole, all_real, all_raw,
                        sizes, elements, names, named,
                        -- An element that is an array or a list itself, cut into its contents: (how far it was cut, contents). It stops
                        -- at a content of 16 KiB or more and after 1000 contents: a hostile body must not cost the square of its length.
                        arrayMap(run -> arrayFold((state, _) -> if(state.1 > length(run)
                                    OR (octet(run, state.1 + 1) > 127 AND octet(run, state.1 + 2) > 127), state, (
                                toUInt64(state.1 + 2 + (octet(run, state.1 + 1) > 127) + size_at(run, state.1 + 1)),
                                arrayPushBack(state.2,
                                    substring(run, state.1 + 2 + (octet(run, state.1 + 1) > 127), size_at(run, state.1 + 1))))),
                            range(least(1000, intDiv(length(run), 2))), (toUInt64(1), CAST([], 'Array(String)'))),
                            arrayMap(m -> if(match(m, '^[\x2A\x32]'), content(m), ''), elements)) AS cuts
                    FROM
                    (
                        SELECT
                            resource_key, resource_text, scope_key, scope_text, scope_name, scope_version, a_key, a_kind,
                            a_text, a_whole, a_real, a_items, event_at, event_name, event_key, link_trace, link_span,
                            link_state, link_key, trace, span, trace_state, parent, name, kind_number, started, ended,
                            status_message, status_number, flags,
                            all_key, all_kind, all_text, all_truth, all_whole, all_real, all_raw,
                            arrayMap((items, values) -> length(items) + length(values), all_items, all_values) AS sizes,
                            arrayFlatten(arrayMap((items, values) -> arrayConcat(items, values), all_items, all_values)) AS elements,
                            arrayFlatten(arrayMap((items, names) -> arrayConcat(arrayResize(CAST([], 'Array(String)'), length(items)), names),
                                all_items, all_names)) AS names,
                            arrayFlatten(arrayMap((kind, items, values) -> arrayWithConstant(length(items) + length(values), kind = 'kvlist_value'),
                                all_kind, all_items, all_values)) AS named
                        FROM
                        (
                            SELECT
                                resource_key, resource_text, scope_key, scope_text, scope_name, scope_version, a_key, a_kind,
                                a_text, a_whole, a_real, a_items, event_at, event_name, event_key, link_trace, link_span,
                                link_state, link_key, trace, span, trace_state, parent, name, kind_number, started, ended,
                                status_message, status_number, flags,
                                arrayConcat(resource_key, scope_key, a_key,
                                    arrayFlatten(event_key),
                                    arrayFlatten(link_key)) AS all_key,
                                arrayConcat(resource_kind, scope_kind, a_kind,
                                    arrayFlatten(event_kind),
                                    arrayFlatten(link_kind)) AS all_kind,
                                arrayConcat(resource_text, scope_text, a_text,
                                    arrayFlatten(event_text),
                                    arrayFlatten(link_text)) AS all_text,
                                arrayConcat(resource_truth, scope_truth, a_truth,
                                    arrayFlatten(event_truth),
                                    arrayFlatten(link_truth)) AS all_truth,
                                arrayConcat(resource_whole, scope_whole, a_whole,
                                    arrayFlatten(event_whole),
                                    arrayFlatten(link_whole)) AS all_whole,
                                arrayConcat(resource_real, scope_real, a_real,
                                    arrayFlatten(event_real),
                                    arrayFlatten(link_real)) AS all_real,
                                arrayConcat(resource_raw, scope_raw, a_raw,
                                    arrayFlatten(event_raw),
                                    arrayFlatten(link_raw)) AS all_raw,
                                arrayConcat(resource_items, scope_items, a_items,
                                    arrayFold((all, one) -> arrayConcat(all, one), event_items, CAST([], 'Array(Array(String))')),
                                    arrayFold((all, one) -> arrayConcat(all, one), link_items, CAST([], 'Array(Array(String))'))) AS all_items,
                                arrayConcat(resource_names, scope_names, a_names,
                                    arrayFold((all, one) -> arrayConcat(all, one), event_names, CAST([], 'Array(Array(String))')),
                                    arrayFold((all, one) -> arrayConcat(all, one), link_names, CAST([], 'Array(Array(String))'))) AS all_names,
                                arrayConcat(resource_values, scope_values, a_values,
                                    arrayFold((all, one) -> arrayConcat(all, one), event_values, CAST([], 'Array(Array(String))')),
                                    arrayFold((all, one) -> arrayConcat(all, one), link_values, CAST([], 'Array(Array(String))'))) AS all_values
                            FROM
                            (
                                SELECT
                                    resource_key, resource_kind, resource_text, resource_truth, resource_whole, resource_real,
                                    resource_raw, resource_items, resource_names, resource_values, scope_name, scope_version,
                                    scope_key, scope_kind, scope_text, scope_truth, scope_whole, scope_real, scope_raw, scope_items,
                                    scope_names, scope_values, trace, span, trace_state, parent, name, kind_number, started, ended,
                                    status_message, status_number, flags, a_key, a_kind, a_text, a_truth, a_whole, a_real, a_raw,
                                    a_items, a_names, a_values, event_at, event_name, event_key, event_kind, event_text,
                                    event_truth, event_whole, event_real, event_raw, event_items, event_names, event_values,
                                    link_trace, link_span, link_state, link_key, link_kind, link_text, link_truth, link_whole,
                                    link_real, link_raw, link_items, link_names, link_values
                                FROM
                                (
                                    SELECT
                                        resource_key, resource_kind, resource_text, resource_truth, resource_whole, resource_real,
                                        resource_raw, resource_items, resource_names, resource_values, scope_name, scope_version,
                                        scope_key, scope_kind, scope_text, scope_truth, scope_whole, scope_real, scope_raw,
                                        scope_items, scope_names, scope_values, trace, span, trace_state, parent, name, kind_number,
                                        started, ended, status_message, status_number, flags, a_key, a_kind, a_text, a_truth,
                                        a_whole, a_real, a_raw, a_items, a_names, a_values, event_at, event_name, event_key,
                                        event_kind, event_text, event_truth, event_whole, event_real, event_raw, event_items,
                                        event_names, event_values, link_trace, link_span, link_state, link_key, link_kind,
                                        link_text, link_truth, link_whole, link_real, link_raw, link_items, link_names, link_values
                                    FROM otlp_nested_in
                                    ARRAY JOIN
                                        `resource_spans.resource.attributes.key` AS resource_key,
                                        `resource_spans.resource.attributes.value.kind` AS resource_kind,
                                        `resource_spans.resource.attributes.value.string_value` AS resource_text,
                                        `resource_spans.resource.attributes.value.bool_value` AS resource_truth,
                                        `resource_spans.resource.attributes.value.int_value` AS resource_whole,
                                        `resource_spans.resource.attributes.value.double_value` AS resource_real,
                                        `resource_spans.resource.attributes.value.bytes_value` AS resource_raw,
                                        `resource_spans.resource.attributes.value.array_value.values` AS resource_items,
                                        `resource_spans.resource.attributes.value.kvlist_value.values.key` AS resource_names,
                                        `resource_spans.resource.attributes.value.kvlist_value.values.value` AS resource_values,
                                        `resource_spans.scope_spans.scope.name` AS scope_name,
                                        `resource_spans.scope_spans.scope.version` AS scope_version,
                                        `resource_spans.scope_spans.scope.attributes.key` AS scope_key,
                                        `resource_spans.scope_spans.scope.attributes.value.kind` AS scope_kind,
                                        `resource_spans.scope_spans.scope.attributes.value.string_value` AS scope_text,
                                        `resource_spans.scope_spans.scope.attributes.value.bool_value` AS scope_truth,
                                        `resource_spans.scope_spans.scope.attributes.value.int_value` AS scope_whole,
                                        `resource_spans.scope_spans.scope.attributes.value.double_value` AS scope_real,
                                        `resource_spans.scope_spans.scope.attributes.value.bytes_value` AS scope_raw,
                                        `resource_spans.scope_spans.scope.attributes.value.array_value.values` AS scope_items,
                                        `resource_spans.scope_spans.scope.attributes.value.kvlist_value.values.key` AS scope_names,
                                        `resource_spans.scope_spans.scope.attributes.value.kvlist_value.values.value` AS scope_values,
                                        `resource_spans.scope_spans.spans.trace_id` AS trace,
                                        `resource_spans.scope_spans.spans.span_id` AS span,
                                        `resource_spans.scope_spans.spans.trace_state` AS trace_state,
                                        `resource_spans.scope_spans.spans.parent_span_id` AS parent,
                                        `resource_spans.scope_spans.spans.name` AS name,
                                        `resource_spans.scope_spans.spans.kind` AS kind_number,
                                        `resource_spans.scope_spans.spans.start_time_unix_nano` AS started,
                                        `resource_spans.scope_spans.spans.end_time_unix_nano` AS ended,
                                        `resource_spans.scope_spans.spans.status.message` AS status_message,
                                        `resource_spans.scope_spans.spans.status.code` AS status_number,
                                        `resource_spans.scope_spans.spans.flags` AS flags,
                                        `resource_spans.scope_spans.spans.attributes.key` AS a_key,
                                        `resource_spans.scope_spans.spans.attributes.value.kind` AS a_kind,
                                        `resource_spans.scope_spans.spans.attributes.value.string_value` AS a_text,
                                        `resource_spans.scope_spans.spans.attributes.value.bool_value` AS a_truth,
                                        `resource_spans.scope_spans.spans.attributes.value.int_value` AS a_whole,
                                        `resource_spans.scope_spans.spans.attributes.value.double_value` AS a_real,
                                        `resource_spans.scope_spans.spans.attributes.value.bytes_value` AS a_raw,
                                        `resource_spans.scope_spans.spans.attributes.value.array_value.values` AS a_items,
                                        `resource_spans.scope_spans.spans.attributes.value.kvlist_value.values.key` AS a_names,
                                        `resource_spans.scope_spans.spans.attributes.value.kvlist_value.values.value` AS a_values,
                                        `resource_spans.scope_spans.spans.events.time_unix_nano` AS event_at,
                                        `resource_spans.scope_spans.spans.events.name` AS event_name,
                                        `resource_spans.scope_spans.spans.events.attributes.key` AS event_key,
                                        `resource_spans.scope_spans.spans.events.attributes.value.kind` AS event_kind,
                                        `resource_spans.scope_spans.spans.events.attributes.value.string_value` AS event_text,
                                        `resource_spans.scope_spans.spans.events.attributes.value.bool_value` AS event_truth,
                                        `resource_spans.scope_spans.spans.events.attributes.value.int_value` AS event_whole,
                                        `resource_spans.scope_spans.spans.events.attributes.value.double_value` AS event_real,
                                        `resource_spans.scope_spans.spans.events.attributes.value.bytes_value` AS event_raw,
                                        `resource_spans.scope_spans.spans.events.attributes.value.array_value.values` AS event_items,
                                        `resource_spans.scope_spans.spans.events.attributes.value.kvlist_value.values.key` AS event_names,
                                        `resource_spans.scope_spans.spans.events.attributes.value.kvlist_value.values.value` AS event_values,
                                        `resource_spans.scope_spans.spans.links.trace_id` AS link_trace,
                                        `resource_spans.scope_spans.spans.links.span_id` AS link_span,
                                        `resource_spans.scope_spans.spans.links.trace_state` AS link_state,
                                        `resource_spans.scope_spans.spans.links.attributes.key` AS link_key,
                                        `resource_spans.scope_spans.spans.links.attributes.value.kind` AS link_kind,
                                        `resource_spans.scope_spans.spans.links.attributes.value.string_value` AS link_text,
                                        `resource_spans.scope_spans.spans.links.attributes.value.bool_value` AS link_truth,
                                        `resource_spans.scope_spans.spans.links.attributes.value.int_value` AS link_whole,
                                        `resource_spans.scope_spans.spans.links.attributes.value.double_value` AS link_real,
                                        `resource_spans.scope_spans.spans.links.attributes.value.bytes_value` AS link_raw,
                                        `resource_spans.scope_spans.spans.links.attributes.value.array_value.values` AS link_items,
                                        `resource_spans.scope_spans.spans.links.attributes.value.kvlist_value.values.key` AS link_names,
                                        `resource_spans.scope_spans.spans.links.attributes.value.kvlist_value.values.value` AS link_values
                                )
                                ARRAY JOIN
                                    scope_name, scope_version, scope_key, scope_kind, scope_text, scope_truth, scope_whole,
                                    scope_real, scope_raw, scope_items, scope_names, scope_values, trace, span, trace_state, parent,
                                    name, kind_number, started, ended, status_message, status_number, flags, a_key, a_kind, a_text,
                                    a_truth, a_whole, a_real, a_raw, a_items, a_names, a_values, event_at, event_name, event_key,
                                    event_kind, event_text, event_truth, event_whole, event_real, event_raw, event_items,
                                    event_names, event_values, link_trace, link_span, link_state, link_key, link_kind, link_text,
                                    link_truth, link_whole, link_real, link_raw, link_items, link_names, link_values
                            )
                            ARRAY JOIN
                                trace, span, trace_state, parent, name, kind_number, started, ended, status_message, status_number,
                                flags, a_key, a_kind, a_text, a_truth, a_whole, a_real, a_raw, a_items, a_names, a_values, event_at,
                                event_name, event_key, event_kind, event_text, event_truth, event_whole, event_real, event_raw,
                                event_items, event_names, event_values, link_trace, link_span, link_state, link_key, link_kind,
                                link_text, link_truth, link_whole, link_real, link_raw, link_items, link_names, link_values
                        )
                    )
                )
            )
        )
    )
);

-- spans_in_spans: fills spans.
CREATE MATERIALIZED VIEW IF NOT EXISTS spans_in_spans TO spans AS
SELECT
    trace_id, span_id, parent_span_id, start, duration_ns, name, kind, status_code, status_message,
    service_name, scope_name, scope_version, interface, source, destination, facility, system, message,
    operation, outcome, ack_code, reason, control_id, conversation_id, bytes, ack_bytes,
    key_kinds, key_tokens, measures, tags, attributes, resource_attributes, scope_attributes, trace_state, flags, `events.at`,
    `events.name`, `events.attributes`, `links.trace_id`, `links.span_id`, `links.trace_state`,
    `links.attributes`
FROM spans_in;

-- spans_in_keys: fills keys, each key of the block once.
CREATE MATERIALIZED VIEW IF NOT EXISTS spans_in_keys TO keys AS
SELECT
    token,
    any(key_kind) AS kind,
    decodeURLComponent(any(key_authority)) AS authority,
    max(seal) AS sealed,
    toDateTime64(min(spans_in.start), 3, 'UTC') AS first_seen
FROM spans_in
ARRAY JOIN
    key_tokens AS token, key_kinds AS key_kind, key_authorities AS key_authority,
    arrayResize(key_seals, length(key_tokens)) AS seal
GROUP BY token;

-- spans_in_key_pairs: fills key_pairs. The best key of a message with each other one, both ways; medical record
-- numbers are left out, because they outlive encounters and would glue all encounters of a patient together.
CREATE MATERIALIZED VIEW IF NOT EXISTS spans_in_key_pairs TO key_pairs AS
SELECT
    if(forth, best, second) AS token,
    if(forth, best_kind, second_kind) AS kind,
    if(forth, second, best) AS other,
    if(forth, second_kind, best_kind) AS other_kind,
    at,
    span_id
FROM
(
    SELECT
        any(one) AS best,
        any(one_kind) AS best_kind,
        any(two) AS second,
        any(two_kind) AS second_kind,
        toDateTime64(min(start), 3, 'UTC') AS at,
        min(id) AS span_id
    FROM
    (
        WITH
            arrayMap(kind -> transform(kind,
                ['visit', 'account', 'order', 'claim', 'case', 'purchase_order', 'journal', 'remittance', 'mrn'],
                [1, 2, 3, 4, 5, 6, 7, 8, 10], 9), key_kinds) AS ranks,
            indexOf(ranks, arrayMin(ranks)) AS place
        SELECT start, span_id AS id, key_tokens[place] AS one, key_kinds[place] AS one_kind, two, two_kind
        FROM spans_in
        ARRAY JOIN
            arrayFilter((token, rank, i) -> rank < 10 AND i != place, key_tokens, ranks, arrayEnumerate(ranks)) AS two,
            arrayFilter((kind, rank, i) -> rank < 10 AND i != place, key_kinds, ranks, arrayEnumerate(ranks)) AS two_kind
    )
    GROUP BY sipHash128(one, two)
)
ARRAY JOIN [1, 0] AS forth;

-- spans_in_interface_minute: fills interface_minute.
CREATE MATERIALIZED VIEW IF NOT EXISTS spans_in_interface_minute TO interface_minute AS
SELECT
    interface,
    toStartOfMinute(toDateTime(start, 'UTC')) AS minute,
    message,
    outcome,
    uniqState(span_id) AS spans,
    quantilesTDigestState(0.5, 0.9, 0.99)(duration_ns / 1e6) AS latency,
    max(toDateTime64(start, 3, 'UTC')) AS last_seen
FROM spans_in
WHERE interface != ''
GROUP BY interface, minute, message, outcome;
