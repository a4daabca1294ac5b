-- What the evaluation {run} wrote: hours by workflow as in standing.sql, and the rows by the same number. Rows this new
-- lie in parts of their own, which the index of evaluated_at finds.
SELECT
    {{hours_of}} AS hours,
    groupUniqArray({{row_number}}) AS numbers
FROM instances
WHERE workflow IN {workflows:Array(String)} AND journey IN {journeys:Array(String)}
    AND evaluated_at = {run:DateTime64(6, 'UTC')}
