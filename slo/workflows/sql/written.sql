-- What the evaluation {run} wrote: hours by workflow as in standing.sql, and the rows by the same number. Rows this new
-- lie in parts of their own, which the index of evaluated_at finds.
SELECT
    groupUniqArrayArray(arrayMap(moment -> (workflow, toStartOfHour(toDateTime(moment, 'UTC'))),
        arrayFilter(moment -> moment < toDateTime64('2100-01-01 00:00:00', 3, 'UTC'),
            [started_at, good_at, due_at, done_at, cancelled_at]))) AS hours,
    groupUniqArray(cityHash64(toMonday(started_at), workflow, journey, item, version, occurrence)) AS numbers
FROM instances
WHERE workflow IN {workflows:Array(String)} AND journey IN {journeys:Array(String)}
    AND evaluated_at = {run:DateTime64(6, 'UTC')}
