-- key_sightings: which messages a key that only searches was seen with: a patient with visits, and with messages
-- that carry nothing better ('message', named by their trace). Written by the view spans_in_key_sightings; read by
-- search, and by the identity resolver, which puts messages without a visit beside the patient's visit of that
-- time. Minima and maxima, so that repetition changes nothing. `together` are the other patient numbers that stood
-- in the same messages: numbers of one authority that never do are different patients. Small granules, as in all tables
-- in which thousands of keys are looked up at once: each reads a granule of its own.
CREATE TABLE IF NOT EXISTS ${table:key_sightings}
(
    token       String CODEC(ZSTD(1)),
    other       String CODEC(ZSTD(1)),
    kind        SimpleAggregateFunction(anyLast, LowCardinality(String)) CODEC(ZSTD(1)),
    other_kind  SimpleAggregateFunction(anyLast, LowCardinality(String)) CODEC(ZSTD(1)),
    authority   SimpleAggregateFunction(max, String) CODEC(ZSTD(1)),
    first       SimpleAggregateFunction(min, DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    last        SimpleAggregateFunction(max, DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    together    SimpleAggregateFunction(groupUniqArrayArray, Array(String)) CODEC(ZSTD(1)),
    ingested_at SimpleAggregateFunction(max, DateTime64(3, 'UTC')) CODEC(Delta(8), ZSTD(1)),
    INDEX ingested_range ingested_at TYPE minmax GRANULARITY 1
)
ENGINE = ${engine:AggregatingMergeTree()}
ORDER BY (token, other)
SETTINGS index_granularity = 256, min_compress_block_size = 4096, max_compress_block_size = 16384, ${dedup};

${distributed:key_sightings:cityHash64(token)};

-- key_seen_with: the same rows sorted the other way: which patients a visit was seen with. Written by the view
-- key_sightings_turned.
CREATE TABLE IF NOT EXISTS ${table:key_seen_with}
(
    other       String CODEC(ZSTD(1)),
    token       String CODEC(ZSTD(1)),
    kind        SimpleAggregateFunction(anyLast, LowCardinality(String)) CODEC(ZSTD(1)),
    other_kind  SimpleAggregateFunction(anyLast, LowCardinality(String)) CODEC(ZSTD(1)),
    authority   SimpleAggregateFunction(max, String) CODEC(ZSTD(1)),
    first       SimpleAggregateFunction(min, DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    last        SimpleAggregateFunction(max, DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    together    SimpleAggregateFunction(groupUniqArrayArray, Array(String)) CODEC(ZSTD(1))
)
ENGINE = ${engine:AggregatingMergeTree()}
ORDER BY (other, token)
SETTINGS index_granularity = 256, min_compress_block_size = 4096, max_compress_block_size = 16384, ${dedup};

${distributed:key_seen_with:cityHash64(other)};

CREATE MATERIALIZED VIEW IF NOT EXISTS ${view:key_sightings_turned} TO key_seen_with AS
SELECT other, token, kind, other_kind, authority, first, last, together FROM ${local:key_sightings};

-- spans_in_key_sightings: fills key_sightings. What stands beside a search-only key is the best key that is none;
-- the order of kinds is that of spans_in_key_pairs and of tracing.keys.
CREATE MATERIALIZED VIEW IF NOT EXISTS ${view:spans_in_key_sightings} TO key_sightings AS
SELECT
    token,
    other,
    any(token_kind) AS kind,
    any(best_kind) AS other_kind,
    decodeURLComponent(any(token_authority)) AS authority,
    min(at) AS first,
    max(at) AS last,
    groupUniqArrayArray(beside) AS together,
    now64(3, 'UTC') AS ingested_at
FROM
(
    WITH
        arrayMap(kind -> transform(kind,
            ['visit', 'account', 'order', 'claim', 'case', 'purchase_order', 'journal', 'remittance',
             'requisition', 'appointment', 'charge', 'invoice', 'shipment', 'document', 'inquiry',
             'mrn', 'item', 'lot', 'request'],
            [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 100, 100, 100, 100], 50), key_kinds) AS ranks,
        arrayMin(ranks) < 100 AS keyed,
        indexOf(ranks, arrayMin(ranks)) AS place
    SELECT
        toDateTime64(start, 3, 'UTC') AS at,
        if(keyed, key_tokens[place], trace_id) AS other,
        if(keyed, key_kinds[place], 'message') AS best_kind,
        token,
        token_kind,
        token_authority,
        arrayFilter((name, kind) -> kind = 'mrn' AND name != token, key_tokens, key_kinds) AS beside
    FROM spans_in
    ARRAY JOIN
        arrayFilter((name, rank) -> rank >= 100, key_tokens, ranks) AS token,
        arrayFilter((kind, rank) -> rank >= 100, key_kinds, ranks) AS token_kind,
        arrayFilter((name, rank) -> rank >= 100, key_authorities, ranks) AS token_authority
    WHERE token_kind IN ('mrn', 'item', 'lot', 'request')
)
GROUP BY token, other;

-- derived_traces: messages whose trace was given to them (a propagated context), by the trace their own best key
-- would have given. Written by the view spans_in_derived_traces; read to find all messages of a journey.
CREATE TABLE IF NOT EXISTS ${table:derived_traces}
(
    derived  String CODEC(ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    at       DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1))
)
ENGINE = ${engine:ReplacingMergeTree()}
ORDER BY (derived, trace_id)
SETTINGS ${dedup};

${distributed:derived_traces:cityHash64(derived)};

CREATE MATERIALIZED VIEW IF NOT EXISTS ${view:spans_in_derived_traces} TO derived_traces AS
SELECT attributes['journey.trace_id'] AS derived, trace_id, toDateTime64(start, 3, 'UTC') AS at
FROM spans_in
WHERE mapContains(attributes, 'journey.trace_id');

-- identity_events: what systems and persons said about identity: merged, changed, moved, linked, cancelled; taken
-- back, kept apart, released. A row for each key an event concerns (`token`), so that it is found from any of them.
-- Written by the view spans_in_identity_events and by decisions; facts, never changed. Read by the identity
-- resolver and the encounter page.
--   event    merge, change, move, link, unlink, cancel; by persons also withdraw, same, different, release
--   level    what the event is about: patient, account, visit
--   from_…   the key that was before, to_… the one that is now; subject_… what moved from one to the other
--   at       when the system says it happened
CREATE TABLE IF NOT EXISTS ${table:identity_events}
(
    token         String CODEC(ZSTD(1)),
    event_id      String CODEC(ZSTD(1)),
    at            DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    event         LowCardinality(String) CODEC(ZSTD(1)),
    level         LowCardinality(String) CODEC(ZSTD(1)),
    from_kind     LowCardinality(String) CODEC(ZSTD(1)),
    from_token    String CODEC(ZSTD(1)),
    to_kind       LowCardinality(String) CODEC(ZSTD(1)),
    to_token      String CODEC(ZSTD(1)),
    subject_kind  LowCardinality(String) CODEC(ZSTD(1)),
    subject_token String CODEC(ZSTD(1)),
    message       LowCardinality(String) CODEC(ZSTD(1)),
    interface     LowCardinality(String) CODEC(ZSTD(1)),
    source        LowCardinality(String) CODEC(ZSTD(1)),
    outcome       LowCardinality(String) CODEC(ZSTD(1)),
    trace_id      String CODEC(ZSTD(1)),
    span_id       String CODEC(ZSTD(1)),
    who           String CODEC(ZSTD(1)),
    reason        String CODEC(ZSTD(1)),
    withdraws     String CODEC(ZSTD(1)),
    ingested_at   DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    INDEX ingested_range ingested_at TYPE minmax GRANULARITY 1
)
ENGINE = ${engine:ReplacingMergeTree(ingested_at)}
ORDER BY (token, event_id)
SETTINGS index_granularity = 256, min_compress_block_size = 4096, max_compress_block_size = 16384, ${dedup};

${distributed:identity_events:cityHash64(token)};

-- spans_in_identity_events: fills identity_events from the attribute journey.identity: elements separated by spaces,
-- each `event,level,from,to,subject,at`; from, to and subject are `kind:authority:token`, from with its sealed value
-- behind a fourth colon, or empty; at is Unix milliseconds or empty.
CREATE MATERIALIZED VIEW IF NOT EXISTS ${view:spans_in_identity_events} TO identity_events AS
SELECT
    arrayJoin(arrayDistinct(arrayFilter(one -> one != '', [from_token, to_token, subject_token]))) AS token,
    lower(hex(sipHash128(span_id, element))) AS event_id,
    if(parts[6] = '', toDateTime64(start, 3, 'UTC'), fromUnixTimestamp64Milli(toInt64OrZero(parts[6]), 'UTC')) AS at,
    parts[1] AS event,
    parts[2] AS level,
    splitByChar(':', parts[3])[1] AS from_kind,
    splitByChar(':', parts[3])[3] AS from_token,
    splitByChar(':', parts[4])[1] AS to_kind,
    splitByChar(':', parts[4])[3] AS to_token,
    splitByChar(':', parts[5])[1] AS subject_kind,
    splitByChar(':', parts[5])[3] AS subject_token,
    message,
    interface,
    source,
    outcome,
    trace_id,
    span_id,
    '' AS who,
    '' AS reason,
    '' AS withdraws
FROM
(
    SELECT span_id, trace_id, start, message, interface, source, outcome, element, splitByChar(',', element) AS parts
    FROM spans_in
    ARRAY JOIN splitByChar(' ', attributes['journey.identity']) AS element
    WHERE mapContains(attributes, 'journey.identity')
);

-- spans_in_earlier_keys: the keys that were before, into keys, so that they can be found and opened.
CREATE MATERIALIZED VIEW IF NOT EXISTS ${view:spans_in_earlier_keys} TO keys AS
SELECT
    parts[3] AS token,
    any(parts[1]) AS kind,
    decodeURLComponent(any(parts[2])) AS authority,
    max(parts[4]) AS sealed,
    toDateTime64(min(start), 3, 'UTC') AS first_seen
FROM
(
    SELECT start, splitByChar(':', splitByChar(',', element)[3]) AS parts
    FROM spans_in
    ARRAY JOIN splitByChar(' ', attributes['journey.identity']) AS element
    WHERE mapContains(attributes, 'journey.identity')
)
WHERE length(parts) = 4
GROUP BY token;

-- key_collisions: keys that do not say whose they are, and why: `blank` (no number: "0", "UNKNOWN"; by the tap),
-- `too_many` (connects more than a key of its kind may), `reused` (another patient, far in time), `two_patients`
-- (one visit number, two patients at the same time). Written by taps and the identity resolver, a row per change;
-- the newest stays. Open while cleared_at is 2200-01-01. Read by the admin page and alerts.
CREATE TABLE IF NOT EXISTS ${table:key_collisions}
(
    token      String CODEC(ZSTD(1)),
    why        LowCardinality(String) CODEC(ZSTD(1)),
    kind       LowCardinality(String) CODEC(ZSTD(1)),
    evidence   Array(String) CODEC(ZSTD(1)),
    raised_at  DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    cleared_at DateTime64(3, 'UTC') DEFAULT toDateTime64('2200-01-01 00:00:00', 3, 'UTC') CODEC(ZSTD(1)),
    version    UInt64 DEFAULT toUnixTimestamp64Milli(now64(3)) CODEC(ZSTD(1))
)
ENGINE = ${engine:ReplacingMergeTree(version)}
ORDER BY (token, why)
SETTINGS ${dedup};

${distributed:key_collisions:cityHash64(token)};

-- spans_in_key_collisions: fills key_collisions from the attribute journey.doubts: elements separated by spaces, each
-- `kind:authority:token:why:sealed`. Evidence is the messages, as span ids.
CREATE MATERIALIZED VIEW IF NOT EXISTS ${view:spans_in_key_collisions} TO key_collisions AS
SELECT
    parts[3] AS token,
    parts[4] AS why,
    any(parts[1]) AS kind,
    groupUniqArray(10)(span_id) AS evidence,
    toDateTime64(min(start), 3, 'UTC') AS raised_at
FROM
(
    SELECT start, span_id, splitByChar(':', element) AS parts
    FROM spans_in
    ARRAY JOIN splitByChar(' ', attributes['journey.doubts']) AS element
    WHERE mapContains(attributes, 'journey.doubts')
)
GROUP BY token, why;

CREATE MATERIALIZED VIEW IF NOT EXISTS ${view:spans_in_doubtful_keys} TO keys AS
SELECT
    parts[3] AS token,
    any(parts[1]) AS kind,
    decodeURLComponent(any(parts[2])) AS authority,
    max(parts[5]) AS sealed,
    toDateTime64(min(start), 3, 'UTC') AS first_seen
FROM
(
    SELECT start, splitByChar(':', element) AS parts
    FROM spans_in
    ARRAY JOIN splitByChar(' ', attributes['journey.doubts']) AS element
    WHERE mapContains(attributes, 'journey.doubts')
)
GROUP BY token;

-- Where a key belongs is said with what it rests on, and, where one number served several encounters, for each
-- patient and time. basis: own (the key is the journey), key (seen with it), several (the likeliest of several),
-- patient (the patient's only encounter of that time), quarantined (doubtful: it joins nothing).
-- An era is (patient, since, journey): messages of that patient, else those since then, belong to that journey.
ALTER TABLE ${table:journeys} ADD COLUMN IF NOT EXISTS basis LowCardinality(String) CODEC(ZSTD(1)) AFTER certainty,
    ADD COLUMN IF NOT EXISTS eras Array(Tuple(patient String, since DateTime64(3, 'UTC'), journey String)) CODEC(ZSTD(1)) AFTER basis;

${redistributed:journeys:cityHash64(token)};

-- journeys_members again: a token of several eras is a member of the journey of each.
DROP VIEW IF EXISTS ${view:journeys_members};

CREATE MATERIALIZED VIEW IF NOT EXISTS ${view:journeys_members} TO journey_members AS
SELECT
    arrayJoin(arrayDistinct(arrayPushFront(arrayMap(era -> era.3, eras), home))) AS journey,
    token, kind, certainty, version, ingested_at
FROM (SELECT journey AS home, token, kind, certainty, eras, version, ingested_at FROM ${local:journeys});

-- Whose message a checkpoint is: the first patient number of the message, for keys that served several patients.
ALTER TABLE ${table:checkpoints} ADD COLUMN IF NOT EXISTS patient String CODEC(ZSTD(1)) AFTER token_kind;

${redistributed:checkpoints:cityHash64(token)};
