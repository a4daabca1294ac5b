-- What is stored of some journeys before they are judged anew: the engine's own time, the hours in which their instances
-- were started, decided or closed, by workflow, which of what is asked for has instances that were closed, and the rows
-- that stand, each by a number. Narrow columns only: a journey's rows lie in any month.
SELECT
    now64(6, 'UTC') AS run,
    {{hours_of}} AS hours,
    groupUniqArrayIf(mine, closed AND NOT deleted AND mine IN {asked:Array(String)}) AS sealed,
    groupUniqArrayIf((mine, number), newest AND NOT deleted AND mine IN {asked:Array(String)}) AS standing
FROM
(
    SELECT
        *, {{asked_of}} AS mine,
        {{row_number}} AS number,
        evaluated_at = max(evaluated_at) OVER (PARTITION BY number) AS newest
    FROM instances
    WHERE workflow IN {workflows:Array(String)} AND journey IN {journeys:Array(String)}
)
