-- Hours in which the instances of some journeys were started, decided or closed, by workflow, the engine's own time,
-- which of what is asked for has instances that were closed (some of them may not be any more), and which has some that
-- the evaluation {run} did not find again. Narrow columns only, and whatever follows is seldom needed.
SELECT
    now64(6, 'UTC') AS at,
    groupUniqArrayArray(arrayMap(moment -> (workflow, toStartOfHour(toDateTime(moment, 'UTC'))),
        arrayFilter(moment -> moment < toDateTime64('2100-01-01 00:00:00', 3, 'UTC'),
            [started_at, good_at, due_at, done_at, cancelled_at]))) AS hours,
    groupUniqArrayIf(mine, closed AND NOT deleted AND mine IN {asked:Array(String)}) AS sealed,
    groupUniqArrayIf(mine, newest AND NOT deleted AND evaluated_at < {run:DateTime64(6, 'UTC')} AND mine IN {asked:Array(String)}) AS gone
FROM
(
    SELECT
        *, concat(workflow, '/', toString(version), '/', journey) AS mine,
        evaluated_at = max(evaluated_at) OVER (PARTITION BY toMonday(started_at), workflow, journey, item, version, occurrence) AS newest
    FROM instances
    WHERE workflow IN {workflows:Array(String)} AND journey IN {journeys:Array(String)}
)
