-- spans_in_key_pairs again, with every kind of key that tracing.keys knows and in its order.
DROP VIEW IF EXISTS ${view:spans_in_key_pairs};

-- spans_in_key_pairs: fills key_pairs. The best key of a message with each other one, both ways; kinds that
-- only search are left out (patients, items, lots, requests): they have many encounters and would glue them together.
CREATE MATERIALIZED VIEW IF NOT EXISTS ${view:spans_in_key_pairs} TO key_pairs AS
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
                ['visit', 'account', 'order', 'claim', 'case', 'purchase_order', 'journal', 'remittance',
                 'requisition', 'appointment', 'charge', 'invoice', 'shipment', 'document', 'inquiry',
                 'mrn', 'item', 'lot', 'request'],
                [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 100, 100, 100, 100], 50), key_kinds) AS ranks,
            indexOf(ranks, arrayMin(ranks)) AS place
        SELECT start, span_id AS id, key_tokens[place] AS one, key_kinds[place] AS one_kind, two, two_kind
        FROM spans_in
        ARRAY JOIN
            arrayFilter((token, rank, i) -> rank < 100 AND i != place, key_tokens, ranks, arrayEnumerate(ranks)) AS two,
            arrayFilter((kind, rank, i) -> rank < 100 AND i != place, key_kinds, ranks, arrayEnumerate(ranks)) AS two_kind
    )
    GROUP BY sipHash128(one, two)
)
ARRAY JOIN [1, 0] AS forth;
