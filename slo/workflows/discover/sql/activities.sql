-- Activities after the start: in how many journeys, how soon, how often more than once, how often refused.
SELECT
    act,
    count() AS journeys,
    quantileTDigest(0.5)(delay) AS p50,
    quantileTDigest(0.95)(delay) AS p95,
    countIf(times > 1) AS repeated
FROM
(
    SELECT
        act,
        delay,
        length(arrayDistinct(arrayMap(event -> event.5, arrayFilter(event -> event.2 = act AND event.3 = 1, after)))) AS times
    FROM ({{cases}})
    ARRAY JOIN acts AS act, delays AS delay
)
GROUP BY act
ORDER BY journeys DESC, p50, act
LIMIT {limit:UInt32}
SETTINGS optimize_aggregation_in_order = 1
