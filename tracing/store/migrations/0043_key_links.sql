-- key_links: two keys that messages carried together, in both directions, for each interface and patient that named
-- them so, with the first and the last time. Takes the place of key_pairs. Written by the view spans_in_key_links;
-- read by the identity resolver, which follows `token` to every `other`, and asks here whose word it was and when.
-- Minima and maxima, so that repetition and order of what arrives change nothing.
CREATE TABLE IF NOT EXISTS ${table:key_links}
(
    token       String CODEC(ZSTD(1)),
    other       String CODEC(ZSTD(1)),
    interface   LowCardinality(String) CODEC(ZSTD(1)),
    patient     String CODEC(ZSTD(1)),
    kind        SimpleAggregateFunction(anyLast, LowCardinality(String)) CODEC(ZSTD(1)),
    other_kind  SimpleAggregateFunction(anyLast, LowCardinality(String)) CODEC(ZSTD(1)),
    first       SimpleAggregateFunction(min, DateTime64(3, 'UTC')) CODEC(Delta(8), ZSTD(1)),
    last        SimpleAggregateFunction(max, DateTime64(3, 'UTC')) CODEC(Delta(8), ZSTD(1)),
    ingested_at SimpleAggregateFunction(max, DateTime64(3, 'UTC')) CODEC(Delta(8), ZSTD(1)),
    INDEX ingested_range ingested_at TYPE minmax GRANULARITY 1
)
ENGINE = ${engine:AggregatingMergeTree()}
ORDER BY (token, other, interface, patient)
SETTINGS index_granularity = 256, min_compress_block_size = 4096, max_compress_block_size = 16384, ${dedup};

${distributed:key_links:cityHash64(token)};

DROP VIEW IF EXISTS ${view:spans_in_key_pairs};

-- spans_in_key_links: fills key_links. The best key of a message with each other one, both ways. Kinds that only
-- search are left out (patients, items, lots, requests): they have many encounters and would glue them together.
-- A message with several visits, accounts, claims or cases of one authority is a batch: it says nothing of whether
-- these belong together, so they are left out, too. The order of kinds is that of tracing.keys.
CREATE MATERIALIZED VIEW IF NOT EXISTS ${view:spans_in_key_links} TO key_links AS
SELECT
    if(forth, best, second) AS token,
    if(forth, second, best) AS other,
    interface,
    patient,
    if(forth, best_kind, second_kind) AS kind,
    if(forth, second_kind, best_kind) AS other_kind,
    toDateTime64(first_start, 3, 'UTC') AS first,
    toDateTime64(last_start, 3, 'UTC') AS last,
    now64(3, 'UTC') AS ingested_at
FROM
(
    SELECT
        one AS best,
        two AS second,
        interface,
        patient,
        any(one_kind) AS best_kind,
        any(two_kind) AS second_kind,
        min(start) AS first_start,
        max(start) AS last_start
    FROM
    (
        WITH
            arrayMap(kind -> transform(kind,
                ['visit', 'account', 'order', 'claim', 'case', 'purchase_order', 'journal', 'remittance',
                 'requisition', 'appointment', 'charge', 'invoice', 'shipment', 'document', 'inquiry',
                 'mrn', 'item', 'lot', 'request'],
                [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 100, 100, 100, 100], 50), key_kinds) AS every,
            arrayMap((kind, authority) -> concat(kind, ':', authority), key_kinds, key_authorities) AS given,
            -- Ranks again, without those of a kind that names one encounter and is there twice. The number of a claim
            -- at its provider and the one at its payer are not twice.
            arrayMap((rank, kind, name) -> if(kind IN ('visit', 'account', 'claim', 'case') AND countEqual(given, name) > 1, 100, rank),
                every, key_kinds, given) AS ranks,
            indexOf(ranks, arrayMin(ranks)) AS place
        SELECT
            start, interface, key_tokens[indexOf(key_kinds, 'mrn')] AS patient,
            key_tokens[place] AS one, key_kinds[place] AS one_kind, two, two_kind
        FROM spans_in
        ARRAY JOIN
            arrayFilter((token, rank, i) -> rank < 100 AND i != place, key_tokens, ranks, arrayEnumerate(ranks)) AS two,
            arrayFilter((kind, rank, i) -> rank < 100 AND i != place, key_kinds, ranks, arrayEnumerate(ranks)) AS two_kind
    )
    GROUP BY one, two, interface, patient
)
ARRAY JOIN [1, 0] AS forth;

-- What was stored before: the same of all spans there are.
INSERT INTO key_links
SELECT
    if(forth, best, second), if(forth, second, best), interface, patient,
    if(forth, best_kind, second_kind), if(forth, second_kind, best_kind),
    toDateTime64(first_start, 3, 'UTC'), toDateTime64(last_start, 3, 'UTC'), now64(3, 'UTC')
FROM
(
    SELECT
        one AS best, two AS second, interface, patient, any(one_kind) AS best_kind, any(two_kind) AS second_kind,
        min(start) AS first_start, max(start) AS last_start
    FROM
    (
        WITH
            arrayMap(kind -> transform(kind,
                ['visit', 'account', 'order', 'claim', 'case', 'purchase_order', 'journal', 'remittance',
                 'requisition', 'appointment', 'charge', 'invoice', 'shipment', 'document', 'inquiry',
                 'mrn', 'item', 'lot', 'request'],
                [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 100, 100, 100, 100], 50), key_kinds) AS every,
            arrayMap((rank, kind) -> if(kind IN ('visit', 'account', 'claim', 'case') AND countEqual(key_kinds, kind) > 1, 100, rank),
                every, key_kinds) AS ranks,
            indexOf(ranks, arrayMin(ranks)) AS place
        SELECT
            start, interface, key_tokens[indexOf(key_kinds, 'mrn')] AS patient,
            key_tokens[place] AS one, key_kinds[place] AS one_kind, two, two_kind
        FROM spans
        ARRAY JOIN
            arrayFilter((token, rank, i) -> rank < 100 AND i != place, key_tokens, ranks, arrayEnumerate(ranks)) AS two,
            arrayFilter((kind, rank, i) -> rank < 100 AND i != place, key_kinds, ranks, arrayEnumerate(ranks)) AS two_kind
    )
    GROUP BY one, two, interface, patient
)
ARRAY JOIN [1, 0] AS forth;

DROP TABLE IF EXISTS ${view:key_pairs};

DROP TABLE IF EXISTS ${table:key_pairs};

-- doubtful_keys: keys that the resolver saw with several visits, found from each of these visits: when a patient is
-- seen with one of them, the key is judged again. Written by the identity resolver only.
CREATE TABLE IF NOT EXISTS ${table:doubtful_keys}
(
    other   String CODEC(ZSTD(1)),
    token   String CODEC(ZSTD(1)),
    seen_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(ZSTD(1))
)
ENGINE = ${engine:ReplacingMergeTree(seen_at)}
ORDER BY (other, token)
SETTINGS ${dedup};

${distributed:doubtful_keys:cityHash64(other)};
