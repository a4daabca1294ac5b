-- key_facts again, made for looking thousands of keys up in tables of a hundred million facts. What such a question costs
-- is parts times keys times columns, each of them a place to go to: so all columns of a few facts lie together
-- (compact parts of any size, small granules, a codec that costs nothing), and parts are merged to fewer. And it holds
-- what else the resolver asks of a key, so that there is one question where there were six:
--   e,token,event                what was said of the key (identity_events)
--   m,patient                    there are messages that name this patient and nothing better
--   d,visit,token                another key that was doubtful for this visit (doubtful_keys)
--   c,token,why                  a collision of this key that the resolver raised (key_collisions): in `newest`, the
--                                newest version first
-- l, s, t and p are those of 0050. Everything in it comes from other tables, so it can be made anew at any time.
DROP VIEW IF EXISTS ${view:key_facts_news};

DROP VIEW IF EXISTS ${view:key_links_facts};

DROP VIEW IF EXISTS ${view:key_sightings_facts};

DROP VIEW IF EXISTS ${view:journeys_facts};

DROP VIEW IF EXISTS ${view:identity_events_facts};

DROP VIEW IF EXISTS ${view:doubtful_keys_facts};

DROP VIEW IF EXISTS ${view:key_collisions_facts};

DROP TABLE IF EXISTS ${table:key_facts} SYNC;

DROP TABLE IF EXISTS ${view:key_facts} SYNC;

CREATE TABLE IF NOT EXISTS ${table:key_facts}
(
    id          UInt64 CODEC(LZ4),
    fact        String CODEC(LZ4),
    first       SimpleAggregateFunction(min, DateTime64(3, 'UTC')) CODEC(LZ4),
    last        SimpleAggregateFunction(max, DateTime64(3, 'UTC')) CODEC(LZ4),
    newest      SimpleAggregateFunction(max, String) CODEC(LZ4),
    ingested_at SimpleAggregateFunction(max, DateTime64(3, 'UTC')) CODEC(LZ4)
)
ENGINE = ${engine:AggregatingMergeTree()}
PRIMARY KEY id
ORDER BY (id, fact)
SETTINGS index_granularity = 32, min_bytes_for_wide_part = 1000000000000000, min_rows_for_wide_part = 1000000000000000,
    merge_selector_base = 2, ${dedup};

${distributed:key_facts:id};

-- key_news: facts of the last days in the order they were stored, each named as in key_facts: what the resolver has yet
-- to look at. Written by the view key_facts_news, after the fact itself, and by a resolver that slept longer than
-- that; read by the identity resolver, which asks for the rows of a moment.
CREATE TABLE IF NOT EXISTS ${table:key_news}
(
    ingested_at DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1)),
    fact        String CODEC(ZSTD(1)),
    stored_at   DateTime DEFAULT now() CODEC(Delta(4), ZSTD(1))
)
ENGINE = ${engine:MergeTree()}
PARTITION BY toDate(stored_at)
ORDER BY ingested_at
TTL stored_at + INTERVAL 7 DAY
SETTINGS index_granularity = 1024, ttl_only_drop_parts = 1, ${dedup};

${distributed:key_news:cityHash64(fact)};

-- key_facts_news: fills key_news. Left out: links of visits (a new link of a visit has another end, and that is the one
-- that may move), links of kinds that only search, and what the resolver itself writes. What was stored long ago and is
-- only stored anew is no news.
CREATE MATERIALIZED VIEW IF NOT EXISTS ${view:key_facts_news} TO key_news AS
WITH splitByChar(',', fact, 4) AS parts
SELECT ingested_at, fact
FROM ${local:key_facts}
WHERE ingested_at > now() - INTERVAL 6 DAY
    AND (parts[1] IN ('s', 'e') OR (parts[1] = 'l' AND parts[3] NOT IN ('visit', 'mrn', 'item', 'lot', 'request')));

CREATE MATERIALIZED VIEW IF NOT EXISTS ${view:key_links_facts} TO key_facts AS
SELECT
    sipHash64(if(kind = 'visit', concat('visit', token), token)) AS id,
    concat('l,', token, ',', kind, ',', other, ',', other_kind, ',', patient, ',', interface) AS fact,
    first, last, '' AS newest, ingested_at
FROM ${local:key_links};

CREATE MATERIALIZED VIEW IF NOT EXISTS ${view:key_sightings_facts} TO key_facts AS
SELECT
    sipHash64(said.1) AS id, said.2 AS fact, first, last, '' AS newest, ingested_at
FROM
(
    SELECT
        arrayJoin(arrayConcat(
            [(other, concat('s,', other, ',', other_kind, ',', token, ',', authority))],
            arrayMap(beside -> (other, concat('t,', other, ',', token, ',', beside)), together),
            if(other_kind = 'message', [(token, concat('m,', token))], []))) AS said,
        first, last, ingested_at
    FROM ${local:key_sightings}
    WHERE kind = 'mrn'
);

CREATE MATERIALIZED VIEW IF NOT EXISTS ${view:journeys_facts} TO key_facts AS
SELECT
    sipHash64(token) AS id,
    concat('p,', token) AS fact,
    toDateTime64(0, 3, 'UTC') AS first,
    toDateTime64(0, 3, 'UTC') AS last,
    concat(leftPad(toString(version), 20, '0'), ',', kind, ',', journey, ',', certainty, ',', basis, ',', arrayStringConcat(
        arrayMap(era -> concat(era.1, ' ', toString(toUnixTimestamp64Milli(era.2)), ' ', era.3), eras), ';')) AS newest,
    ingested_at
FROM ${local:journeys};

CREATE MATERIALIZED VIEW IF NOT EXISTS ${view:identity_events_facts} TO key_facts AS
SELECT
    sipHash64(token) AS id,
    concat('e,', token, ',', event_id) AS fact,
    toDateTime64(0, 3, 'UTC') AS first,
    toDateTime64(0, 3, 'UTC') AS last,
    concat(toString(toUnixTimestamp64Milli(at)), ',', event, ',', level, ',', from_token, ',', to_token, ',', subject_token, ',',
        withdraws, ',', from_kind, ',', to_kind) AS newest,
    ingested_at
FROM ${local:identity_events};

CREATE MATERIALIZED VIEW IF NOT EXISTS ${view:doubtful_keys_facts} TO key_facts AS
SELECT
    sipHash64(other) AS id,
    concat('d,', other, ',', token) AS fact,
    toDateTime64(0, 3, 'UTC') AS first,
    toDateTime64(0, 3, 'UTC') AS last,
    '' AS newest,
    seen_at AS ingested_at
FROM ${local:doubtful_keys};

CREATE MATERIALIZED VIEW IF NOT EXISTS ${view:key_collisions_facts} TO key_facts AS
SELECT
    sipHash64(token) AS id,
    concat('c,', token, ',', why) AS fact,
    toDateTime64(0, 3, 'UTC') AS first,
    toDateTime64(0, 3, 'UTC') AS last,
    concat(leftPad(toString(version), 20, '0'), ',', kind, ',', toString(toUnixTimestamp64Milli(raised_at)), ',',
        toString(toUnixTimestamp64Milli(cleared_at)), ',', arrayStringConcat(evidence, ' ')) AS newest,
    now64(3, 'UTC') AS ingested_at
FROM ${local:key_collisions}
WHERE why != 'blank';

-- What was stored before.
INSERT INTO key_facts (id, fact, first, last, newest, ingested_at)
SELECT
    sipHash64(if(kind = 'visit', concat('visit', token), token)),
    concat('l,', token, ',', kind, ',', other, ',', other_kind, ',', patient, ',', interface),
    first, last, '', ingested_at
FROM key_links;

INSERT INTO key_facts (id, fact, first, last, newest, ingested_at)
SELECT sipHash64(said.1), said.2, first, last, '', ingested_at
FROM
(
    SELECT
        arrayJoin(arrayConcat(
            [(other, concat('s,', other, ',', other_kind, ',', token, ',', authority))],
            arrayMap(beside -> (other, concat('t,', other, ',', token, ',', beside)), together),
            if(other_kind = 'message', [(token, concat('m,', token))], []))) AS said,
        first, last, ingested_at
    FROM key_sightings
    WHERE kind = 'mrn'
);

INSERT INTO key_facts (id, fact, first, last, newest, ingested_at)
SELECT
    sipHash64(token), concat('p,', token), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'),
    concat(leftPad(toString(version), 20, '0'), ',', kind, ',', journey, ',', certainty, ',', basis, ',', arrayStringConcat(
        arrayMap(era -> concat(era.1, ' ', toString(toUnixTimestamp64Milli(era.2)), ' ', era.3), eras), ';')),
    ingested_at
FROM journeys;

INSERT INTO key_facts (id, fact, first, last, newest, ingested_at)
SELECT
    sipHash64(token), concat('e,', token, ',', event_id), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'),
    concat(toString(toUnixTimestamp64Milli(at)), ',', event, ',', level, ',', from_token, ',', to_token, ',', subject_token, ',',
        withdraws, ',', from_kind, ',', to_kind),
    ingested_at
FROM identity_events;

INSERT INTO key_facts (id, fact, first, last, newest, ingested_at)
SELECT
    sipHash64(other), concat('d,', other, ',', token), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'), '', seen_at
FROM doubtful_keys;

INSERT INTO key_facts (id, fact, first, last, newest, ingested_at)
SELECT
    sipHash64(token), concat('c,', token, ',', why), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'),
    concat(leftPad(toString(version), 20, '0'), ',', kind, ',', toString(toUnixTimestamp64Milli(raised_at)), ',',
        toString(toUnixTimestamp64Milli(cleared_at)), ',', arrayStringConcat(evidence, ' ')),
    now64(3, 'UTC')
FROM key_collisions
WHERE why != 'blank';

-- reader_blocks: the moments whose rows a reader has worked lately, each with the number of rows there were, so that a
-- reader that starts goes on where another ended. Written and read by that reader.
CREATE TABLE IF NOT EXISTS ${table:reader_blocks}
(
    reader    String CODEC(ZSTD(1)),
    at        DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    digest    UInt64 CODEC(ZSTD(1)),
    worked_at DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') CODEC(ZSTD(1))
)
ENGINE = ${engine:ReplacingMergeTree(worked_at)}
ORDER BY (reader, at)
TTL toDateTime(worked_at) + INTERVAL 1 DAY;

${distributed:reader_blocks:cityHash64(reader)};
