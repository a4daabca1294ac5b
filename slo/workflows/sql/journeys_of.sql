-- The journeys some keys belong to, and those they belonged to once.
SELECT
    arrayJoin(arrayDistinct(arrayPushFront(
        arrayMap(era -> era.3, argMax(key_places.eras, key_places.version)), argMax(key_places.journey, key_places.version)
    ))) AS journey
FROM key_places
WHERE token IN {tokens:Array(String)} GROUP BY token
UNION DISTINCT
SELECT journey FROM journey_former WHERE token IN {tokens:Array(String)}
