-- The journeys some keys belong to, and those they belonged to once.
SELECT
    arrayJoin(arrayDistinct(arrayPushFront(
        arrayMap(era -> era.3, argMax(journeys.eras, journeys.version)), argMax(journeys.journey, journeys.version)
    ))) AS journey
FROM journeys
WHERE token IN {tokens:Array(String)} GROUP BY token
UNION DISTINCT
SELECT journey FROM journey_former WHERE token IN {tokens:Array(String)}
