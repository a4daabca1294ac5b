-- What is stored of some journeys before they are judged anew: the engine's own time, the hours in which their instances
-- were started, decided or closed, by workflow, which of what is asked for has instances that were closed, and the rows
-- that stand, each by a number. Narrow columns only: a journey's rows lie in any month.
SELECT
    now64(6, 'UTC') AS run,
    groupUniqArrayArray(arrayMap(moment -> (workflow, toStartOfHour(toDateTime(moment, 'UTC'))),
        arrayFilter(moment -> moment < toDateTime64('2100-01-01 00:00:00', 3, 'UTC'),
            [started_at, good_at, due_at, done_at, cancelled_at]))) AS hours,
    groupUniqArrayIf(mine, closed AND NOT deleted AND mine IN {asked:Array(String)}) AS sealed,
    groupUniqArrayIf((mine, number), newest AND NOT deleted AND mine IN {asked:Array(String)}) AS standing
FROM
(
    SELECT
        *, concat(workflow, '/', toString(version), '/', journey) AS mine,
        cityHash64(toMonday(started_at), workflow, journey, item, version, occurrence) AS number,
        evaluated_at = max(evaluated_at) OVER (PARTITION BY number) AS newest
    FROM instances
    WHERE workflow IN {workflows:Array(String)} AND journey IN {journeys:Array(String)}
)
