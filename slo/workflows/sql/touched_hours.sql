-- Hours in which the instances of some journeys were started, decided or closed, the engine's own time, which of the
-- journeys have instances of a version that were closed (some of them may not be any more), and which have some that
-- the evaluation {run} did not find again. Narrow columns only, and whatever follows is seldom needed.
SELECT
    now64(6, 'UTC') AS at,
    groupUniqArrayArray(arrayMap(moment -> toStartOfHour(toDateTime(moment, 'UTC')),
        arrayFilter(moment -> moment < toDateTime64('2100-01-01 00:00:00', 3, 'UTC'),
            [started_at, good_at, due_at, done_at, cancelled_at]))) AS hours,
    groupUniqArrayIf(journey, closed AND NOT deleted AND version = {version:UInt32}) AS sealed,
    groupUniqArrayIf(journey, newest AND NOT deleted AND version = {version:UInt32} AND evaluated_at < {run:DateTime64(6, 'UTC')}) AS gone
FROM
(
    SELECT *, evaluated_at = max(evaluated_at) OVER (PARTITION BY toMonday(started_at), journey, item, version, occurrence) AS newest
    FROM instances
    WHERE workflow = {workflow:String} AND journey IN {journeys:Array(String)}
)
