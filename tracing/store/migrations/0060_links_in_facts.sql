-- Links are written to key_facts only. Nothing but the view that filled key_facts read key_links, and it cost a tenth of
-- what storing a span costs, and as much again when its parts were merged. All of it stands in key_facts already.
-- spans_in_key_facts: fills key_facts with links. The best key of a message with each other one, both ways, as in 0043;
-- a fact and its id as in 0053. The new view comes before the old ones go: what both write is the same fact.
CREATE MATERIALIZED VIEW IF NOT EXISTS ${view:spans_in_key_facts} TO key_facts AS
SELECT
    sipHash64(if(kind = 'visit', concat('visit', token), token)) AS id,
    concat('l,', token, ',', kind, ',', other, ',', other_kind, ',', patient, ',', interface) AS fact,
    first,
    last,
    '' AS newest,
    ingested_at
FROM
(
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
    ARRAY JOIN [1, 0] AS forth
);

DROP VIEW IF EXISTS ${view:key_links_facts} SYNC;

DROP VIEW IF EXISTS ${view:spans_in_key_links} SYNC;

DROP TABLE IF EXISTS ${table:key_links} SYNC;

DROP TABLE IF EXISTS ${view:key_links} SYNC;
