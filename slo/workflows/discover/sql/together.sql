-- Of the cases old enough for both of two activities, how many had either, and how many both.
SELECT
    one.1 AS first,
    other.1 AS second,
    countIf(has(acts, first) OR has(acts, second)) AS either,
    countIf(has(acts, first) AND has(acts, second)) AS both
FROM (SELECT began, acts FROM {{cases}} WHERE cityHash64(journey) % {one_in:UInt32} = 0)
ARRAY JOIN arrayZip({acts:Array(String)}, {waits:Array(Float64)}) AS one
ARRAY JOIN arrayZip({acts:Array(String)}, {waits:Array(Float64)}) AS other
WHERE first < second
    AND began <= subtractMilliseconds({now:DateTime64(3, 'UTC')}, toInt64(greatest(one.2, other.2) * 1000))
GROUP BY first, second
