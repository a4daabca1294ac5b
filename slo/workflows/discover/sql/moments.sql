-- When an activity happened, and what it is counted from ({base}, or the start where that is ''), in some cases.
SELECT
    addMilliseconds(began, toInt64(if({base:String} = '', 0, delays[indexOf(acts, {base:String})]) * 1000)) AS from,
    addMilliseconds(began, toInt64(delays[indexOf(acts, {act:String})] * 1000)) AS to
FROM {{cases}}
WHERE has(acts, {act:String}) AND ({base:String} = '' OR has(acts, {base:String}))
ORDER BY cityHash64(journey)
LIMIT {limit:UInt32}
