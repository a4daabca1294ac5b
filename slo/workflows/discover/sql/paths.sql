-- The most frequent orders in which the activities of {acts} happened, of cases old enough for all of them.
SELECT
    arrayMap(pair -> pair.2, arraySort(arrayFilter(pair -> has({acts:Array(String)}, pair.2), arrayZip(delays, acts)))) AS path,
    count() AS cases,
    min(journey) AS example
FROM {{cases}}
WHERE began <= {old:DateTime64(3, 'UTC')}
GROUP BY path
ORDER BY cases DESC, path
LIMIT {limit:UInt32}
