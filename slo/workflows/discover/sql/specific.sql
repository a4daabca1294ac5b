-- Activities that name no thing of a kind: in how many journeys with such a thing, and in how many without.
SELECT
    arrayJoin(acts) AS act,
    countIf(has_thing) AS journeys_with,
    countIf(NOT has_thing) AS journeys_without
FROM
(
    SELECT
        journey,
        max(has(item_kinds, {thing:String})) AS has_thing,
        groupUniqArrayIf(toString(activity), NOT has(item_kinds, {thing:String})) AS acts
    FROM {{table}}
    GROUP BY journey
    HAVING max(kind = {kind:String})
)
GROUP BY act
SETTINGS optimize_aggregation_in_order = 1
