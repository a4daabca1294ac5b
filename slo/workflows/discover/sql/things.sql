-- How many journeys of a kind have a thing, and how many have none.
SELECT countIf(has_thing), countIf(NOT has_thing)
FROM
(
    SELECT journey, max(has(item_kinds, {thing:String})) AS has_thing
    FROM {{table}}
    GROUP BY journey
    HAVING max(kind = {kind:String})
)
SETTINGS optimize_aggregation_in_order = 1
