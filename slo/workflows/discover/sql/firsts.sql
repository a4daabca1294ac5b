-- What most journeys of a kind begin with, the most frequent first.
SELECT first, count() AS journeys
FROM
(
    SELECT journey, argMin(activity, (at, activity)) AS first
    FROM {{table}}
    GROUP BY journey
    HAVING max(kind = {kind:String})
)
GROUP BY first
ORDER BY journeys DESC, first
LIMIT 20
SETTINGS optimize_aggregation_in_order = 1
