-- Hours in which the instances of some journeys were started, decided or closed, and the engine's own time.
SELECT
    now64(6, 'UTC') AS at,
    (
        SELECT groupUniqArrayArray(arrayMap(moment -> toStartOfHour(toDateTime(moment, 'UTC')),
            arrayFilter(moment -> moment < toDateTime64('2100-01-01 00:00:00', 3, 'UTC'),
                [started_at, good_at, due_at, done_at, cancelled_at])))
        FROM instances
        WHERE workflow = {workflow:String} AND journey IN {journeys:Array(String)}
    ) AS hours
