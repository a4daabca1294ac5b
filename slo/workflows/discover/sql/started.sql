-- How many journeys of a kind had a start.
SELECT count()
FROM
(
    SELECT journey
    FROM {{table}}
    GROUP BY journey
    HAVING max(kind = {kind:String})
        AND max(has({starts:Array(String)}, toString(activity)) AND at >= {since:DateTime64(3, 'UTC')})
)
SETTINGS optimize_aggregation_in_order = 1
