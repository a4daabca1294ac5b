-- Which things start messages name: in how many journeys, in how many of those different ones in different messages,
-- and how many later messages name one of them again. A row a kind.
SELECT
    thing,
    count() AS journeys,
    countIf(length(sets) > 1) AS several,
    sum(arrayCount(tokens -> hasAny(tokens, arrayFlatten(sets)), others)) AS named_again
FROM
(
    SELECT
        journey,
        item.1 AS thing,
        groupUniqArrayIf(arraySort(tokens), starts) AS sets,
        groupArrayIf(tokens, NOT starts) AS others
    FROM
    (
        SELECT
            journey,
            has({starts:Array(String)}, toString(activity)) AS starts,
            arrayJoin(arrayMap(kind -> (toString(kind), arrayFilter((t, k) -> k = kind, item_tokens, item_kinds)), arrayDistinct(item_kinds))) AS item,
            item.2 AS tokens
        FROM {{table}}
        WHERE at >= {since:DateTime64(3, 'UTC')}
    )
    GROUP BY journey, thing
    HAVING notEmpty(sets)
)
GROUP BY thing
