-- The events of each item of journeys that start with an item: those that name it, and those of {shared} for every item.
-- An item is what placing makes of its numbers; here it stands for the journey.
INSERT INTO {{into}} (journey, at, took_ms, activity, good, kind, identity, span_id, facility, tags)
WITH
    listed AS
    (
        SELECT
            journey,
            groupUniqArrayIf(items, notEmpty(items)) AS lists,
            groupArray((at, took_ms, toString(activity), good, identity, span_id, toString(facility), tags, items)) AS happened
        FROM
        (
            SELECT *, arrayDistinct(arrayFilter((t, k) -> k = {thing:String}, item_tokens, item_kinds)) AS items
            FROM {{table}}
            WHERE journey IN
            (
                SELECT journey FROM {{table}} GROUP BY journey
                HAVING max(kind = {kind:String}) AND max(has({starts:Array(String)}, toString(activity)))
            )
        )
        GROUP BY journey
    ),
    {{items}}
SELECT
    concat(journey, ' ', arrayJoin(arrayDistinct(if(empty(one.9), roots, arrayMap(number -> roots[indexOf(theirs, number)], one.9))))),
    one.1, one.2, one.3, one.4, {kind:String}, one.5, one.6, one.7, one.8
FROM same
ARRAY JOIN happened AS one
WHERE notEmpty(one.9) OR has({shared:Array(String)}, one.3)
