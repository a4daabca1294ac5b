-- By value of each tag of the start message: of the cases old enough for an activity, how many had it. The empty
-- tag is all of them. {acts} and {waits}: activities, and how old a case must be in seconds to be asked for it.
SELECT
    tag,
    value,
    sumForEach(arrayMap(wait -> toUInt64(began <= subtractMilliseconds({now:DateTime64(3, 'UTC')}, toInt64(wait * 1000))), {waits:Array(Float64)})) AS old,
    sumForEach(arrayMap((wait, one) -> toUInt64(began <= subtractMilliseconds({now:DateTime64(3, 'UTC')}, toInt64(wait * 1000)) AND has(acts, one)),
        {waits:Array(Float64)}, {acts:Array(String)})) AS had
FROM
(
    SELECT began, acts, tag, value
    FROM {{cases}}
    ARRAY JOIN arrayPushFront(mapKeys(told), '') AS tag, arrayPushFront(mapValues(told), '') AS value
    WHERE length(value) <= 64
)
GROUP BY tag, value
ORDER BY tag, arrayMax(old) DESC, value
LIMIT 24 BY tag
