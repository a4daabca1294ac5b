-- Steps that were met before a step they come after. {pairs}: (step, a step it comes after).
SELECT pair.1 AS step, pair.2 AS before, count() AS times, groupArraySample(3, 7)(journey) AS examples
FROM
(
    SELECT journey, step_names, step_met_at, step_applicable
    FROM instances FINAL
    WHERE workflow = {workflow:String} AND deleted = 0
        AND started_at >= {since:DateTime64(3, 'UTC')} AND started_at <= {now:DateTime64(3, 'UTC')}
)
ARRAY JOIN arrayZip({steps:Array(String)}, {befores:Array(String)}) AS pair
WHERE step_met_at[indexOf(step_names, pair.1)] <= {now:DateTime64(3, 'UTC')}
    AND step_applicable[indexOf(step_names, pair.2)] = 1
    AND step_met_at[indexOf(step_names, pair.1)] < step_met_at[indexOf(step_names, pair.2)]
GROUP BY step, before
