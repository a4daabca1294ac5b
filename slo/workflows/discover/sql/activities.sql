-- Activities after the start: in how many cases, how soon, how often more than once.
SELECT
    act,
    count() AS cases,
    quantileTDigest(0.5)(delay) AS p50,
    quantileTDigest(0.95)(delay) AS p95,
    quantileTDigest(0.9)(delay) - quantileTDigest(0.1)(delay) AS spread,
    countIf(often > 1) AS repeated
FROM {{cases}}
ARRAY JOIN acts AS act, delays AS delay, times AS often
GROUP BY act
ORDER BY cases DESC, p50, act
LIMIT {limit:UInt32}
