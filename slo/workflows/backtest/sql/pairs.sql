-- What stood and what the draft says, side by side: by journey, item, and which start in this time it is. A repeated
-- start is no start when the first was seen too long ago to be seen by the draft. Put into other queries.
SELECT
    journey, item, n,
    olds[n] AS old, news[n] AS new,
    old.2 AS was, new.2 AS becomes,
    if(becomes != '', new.1, old.1) AS began
FROM
(
    SELECT
        journey,
        item,
        arraySort(groupArrayIf((started_at, toString(verdict), rated, names, states), side = 0)) AS olds,
        arraySort(groupArrayIf((started_at, toString(verdict), rated, names, states), side = 1)) AS news
    FROM {{table}}
    WHERE side < 2
    GROUP BY journey, item
)
ARRAY JOIN arrayEnumerate(if(length(olds) > length(news), olds, news)) AS n
WHERE n <= length(olds) OR journey NOT IN (SELECT journey FROM {{table}} WHERE side = 2)
