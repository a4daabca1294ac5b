-- The most frequent orders in which the activities of {acts} happened, of journeys old enough for all of them.
SELECT
    arrayMap(pair -> pair.2, arraySort(arrayFilter(pair -> has({acts:Array(String)}, pair.2), arrayZip(delays, acts)))) AS path,
    count() AS journeys,
    any(journey) AS example
FROM ({{cases}})
WHERE began <= {old:DateTime64(3, 'UTC')}
GROUP BY path
ORDER BY journeys DESC, path
LIMIT {limit:UInt32}
SETTINGS optimize_aggregation_in_order = 1
