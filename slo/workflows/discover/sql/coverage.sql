-- How many journeys follow a proposal: every required step that applies was done by its deadline. Journeys that
-- are not old enough for their last deadline are not counted. Arrays have an entry per step.
SELECT
    countIf(old) AS counted,
    countIf(old AND fine) AS followed
FROM
(
    SELECT
        began <= subtractMilliseconds({now:DateTime64(3, 'UTC')}, toInt64(arrayMax({within:Array(Float64)}) * 1000)) AS old,
        arrayAll((act, within, tag, values) ->
            (tag != '' AND told[tag] != '' AND NOT has(values, told[tag]))
                OR (has(acts, act) AND delays[indexOf(acts, act)] <= within),
            {steps:Array(String)}, {within:Array(Float64)}, {tags:Array(String)}, {values:Array(Array(String))}) AS fine
    FROM ({{cases}})
)
SETTINGS optimize_aggregation_in_order = 1
