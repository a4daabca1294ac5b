-- key_facts: everything the identity resolver must know of a key, in one place: its links, the patients it was seen
-- with, and where it belongs. Written by the views below from key_links, key_sightings and journeys; read by the
-- identity resolver only, which asks for thousands of keys in a step. What such a question costs is columns times keys
-- times tables, so a fact is one text, and a key a number of eight bytes: its parts are named first, as they have no
-- comma, and what may have one is last.
--   l,token,kind,other,other_kind,patient,interface   a link; those of a visit, which may be thousands and are seldom
--                                                     needed, have an id of their own
--   s,token,kind,patient,authority                    a patient that messages of the key named
--   t,token,patient,other                             another number that stood beside this patient's
--   p,token                                           where it belongs: in `newest`, the newest version first
CREATE TABLE IF NOT EXISTS ${table:key_facts}
(
    id          UInt64 CODEC(LZ4),
    fact        String CODEC(ZSTD(1)),
    first       SimpleAggregateFunction(min, DateTime64(3, 'UTC')) CODEC(LZ4),
    last        SimpleAggregateFunction(max, DateTime64(3, 'UTC')) CODEC(LZ4),
    newest      SimpleAggregateFunction(max, String) CODEC(LZ4),
    ingested_at SimpleAggregateFunction(max, DateTime64(3, 'UTC')) CODEC(Delta(8), ZSTD(1)),
    INDEX ingested_range ingested_at TYPE minmax GRANULARITY 4
)
ENGINE = ${engine:AggregatingMergeTree()}
PRIMARY KEY id
ORDER BY (id, fact)
SETTINGS index_granularity = 128, min_compress_block_size = 4096, max_compress_block_size = 16384, ${dedup};

${distributed:key_facts:id};

CREATE MATERIALIZED VIEW IF NOT EXISTS ${view:key_links_facts} TO key_facts AS
SELECT
    sipHash64(if(kind = 'visit', concat('visit', token), token)) AS id,
    concat('l,', token, ',', kind, ',', other, ',', other_kind, ',', patient, ',', interface) AS fact,
    first, last, '' AS newest, ingested_at
FROM ${local:key_links};

CREATE MATERIALIZED VIEW IF NOT EXISTS ${view:key_sightings_facts} TO key_facts AS
SELECT
    sipHash64(other) AS id,
    arrayJoin(arrayPushFront(
        arrayMap(beside -> concat('t,', other, ',', token, ',', beside), together),
        concat('s,', other, ',', other_kind, ',', token, ',', authority))) AS fact,
    first, last, '' AS newest, ingested_at
FROM ${local:key_sightings}
WHERE kind = 'mrn';

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

-- What was stored before.
INSERT INTO key_facts
SELECT
    sipHash64(if(kind = 'visit', concat('visit', token), token)),
    concat('l,', token, ',', kind, ',', other, ',', other_kind, ',', patient, ',', interface),
    first, last, '', ingested_at
FROM key_links;

INSERT INTO key_facts
SELECT
    sipHash64(other),
    arrayJoin(arrayPushFront(
        arrayMap(beside -> concat('t,', other, ',', token, ',', beside), together),
        concat('s,', other, ',', other_kind, ',', token, ',', authority))),
    first, last, '', ingested_at
FROM key_sightings
WHERE kind = 'mrn';

INSERT INTO key_facts
SELECT
    sipHash64(token), concat('p,', token), toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'),
    concat(leftPad(toString(version), 20, '0'), ',', kind, ',', journey, ',', certainty, ',', basis, ',', arrayStringConcat(
        arrayMap(era -> concat(era.1, ' ', toString(toUnixTimestamp64Milli(era.2)), ' ', era.3), eras), ';')),
    ingested_at
FROM journeys;

-- The patients of a key stand in key_facts.
DROP VIEW IF EXISTS ${view:key_sightings_turned};

DROP TABLE IF EXISTS ${view:key_seen_with};

DROP TABLE IF EXISTS ${table:key_seen_with};
