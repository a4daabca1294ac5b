-- Hours in which the instances of some journeys were started, decided or closed, the engine's own time, and which of the
-- journeys have instances of a version that were closed (some of them may not be any more).
SELECT
    now64(6, 'UTC') AS at,
    groupUniqArrayArray(arrayMap(moment -> toStartOfHour(toDateTime(moment, 'UTC')),
        arrayFilter(moment -> moment < toDateTime64('2100-01-01 00:00:00', 3, 'UTC'),
            [started_at, good_at, due_at, done_at, cancelled_at]))) AS hours,
    groupUniqArrayIf(journey, closed AND NOT deleted AND version = {version:UInt32}) AS sealed
FROM instances
WHERE workflow = {workflow:String} AND journey IN {journeys:Array(String)}
