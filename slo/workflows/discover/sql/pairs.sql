-- How soon an activity follows another one: {acts} in their usual order. Of the cases that have both: how many in this
-- order, and the delay between them in seconds.
SELECT
    before.2 AS first,
    act.2 AS second,
    count() AS both,
    countIf(act.1 >= before.1) AS ordered,
    quantileTDigest(0.5)(act.1 - before.1) AS p50,
    quantileTDigest(0.95)(act.1 - before.1) AS p95,
    quantileTDigest(0.9)(act.1 - before.1) - quantileTDigest(0.1)(act.1 - before.1) AS spread
FROM
(
    SELECT arrayFilter(pair -> has({acts:Array(String)}, pair.2), arrayZip(delays, acts)) AS pairs
    FROM {{cases}}
    WHERE cityHash64(journey) % {one_in:UInt32} = 0
)
ARRAY JOIN pairs AS before
ARRAY JOIN pairs AS act
WHERE indexOf({acts:Array(String)}, toString(before.2)) < indexOf({acts:Array(String)}, toString(act.2))
GROUP BY first, second
