-- Trouble by hour and step: encounters that in this hour first missed a deadline, or were refused with nothing
-- after; and, on the rows with an empty step, how many were done in time in that hour. slo.kpis makes incidents
-- of consecutive hours. One encounter counts once, where its trouble began.
SELECT hour, step, count() AS encounters
FROM
(
    SELECT
        least(if(due_at < {now:DateTime64(3, 'UTC')}, due_at, never), failing_at) AS trouble_at,
        trouble_at <= {now:DateTime64(3, 'UTC')} AS troubled,
        if(troubled, trouble_at, good_at) AS at,
        toStartOfHour(at) AS hour,
        if(troubled,
            arrayFirst(
                (name, a, m, d, f) -> a AND ((d = trouble_at AND m > d) OR (f = trouble_at AND m = never)),
                step_names, step_applicable, step_met_at, step_deadlines, step_failed_at),
            '') AS step
    FROM
    (
        SELECT *, toDateTime64('2200-01-01 00:00:00', 3, 'UTC') AS never
        FROM instances FINAL
        WHERE workflow = {workflow:String} AND deleted = 0
            AND started_at > {since:DateTime64(3, 'UTC')} - INTERVAL 90 DAY
    )
    WHERE at > {since:DateTime64(3, 'UTC')} AND at <= {now:DateTime64(3, 'UTC')} AND cancelled_at > at
)
GROUP BY hour, step
ORDER BY hour, step
