-- Directly-follows counts: what came next, and after how long in seconds.
SELECT
    before.2 AS first,
    next.2 AS second,
    count() AS times,
    quantileTDigest(0.5)(next.1 - before.1) AS p50,
    quantileTDigest(0.95)(next.1 - before.1) AS p95
FROM
(
    SELECT arraySort(arrayFilter(pair -> has({acts:Array(String)}, pair.2), arrayZip(delays, acts))) AS path
    FROM {{cases}}
)
ARRAY JOIN arrayPopBack(path) AS before, arrayPopFront(path) AS next
GROUP BY first, second
ORDER BY times DESC, first, second
LIMIT {limit:UInt32}
