-- Cycle time: seconds from the start to the last step of the workflow, by the site-local day on which that step
-- was done; the rows without a day are whole periods. Exact quantiles, so that a figure can be checked by hand.
-- Encounters that never reached the last step have no cycle time: they show in the on-time rate, not here.
SELECT
    met_at > {middle:DateTime64(3, 'UTC')} AS current,
    if(grouping(day) = 1, NULL, day) AS day_or_all,
    quantileExactInclusive(0.5)(seconds) AS median,
    quantileExactInclusive(0.9)(seconds) AS p90,
    count() AS encounters
FROM
(
    SELECT
        step_met_at[-1] AS met_at,
        toDate(toTimeZone(met_at, {zone:String})) AS day,
        dateDiff('millisecond', started_at, met_at) / 1000 AS seconds
    FROM instances FINAL
    WHERE workflow = {workflow:String} AND deleted = 0
        AND started_at > {since:DateTime64(3, 'UTC')} - INTERVAL 90 DAY
        AND step_applicable[-1]
        AND cancelled_at > met_at
)
WHERE met_at > {since:DateTime64(3, 'UTC')} AND met_at <= {now:DateTime64(3, 'UTC')}
GROUP BY GROUPING SETS ((current, day), (current))
ORDER BY current, day_or_all
