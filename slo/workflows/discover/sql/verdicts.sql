-- Steps that were late, refused, missing or forbidden in the occurrences that began in time, counted by step.
SELECT kind, step, count() AS times, groupArraySample(3, 7)(journey) AS examples
FROM
(
    SELECT
        journey,
        multiIf(
            NOT applies, '',
            met <= {now:DateTime64(3, 'UTC')}, if(met > deadline, 'late', ''),
            cancelled_at <= {now:DateTime64(3, 'UTC')}, '',
            failed <= {now:DateTime64(3, 'UTC')}, if(has({forbidden:Array(String)}, step), 'forbidden', 'refused'),
            deadline < {now:DateTime64(3, 'UTC')} AND required, 'missing',
            '') AS kind,
        step
    FROM
    (
        SELECT journey, cancelled_at, step_names, step_applicable, step_required, step_deadlines, step_met_at, step_failed_at
        FROM instances FINAL
        WHERE workflow = {workflow:String} AND deleted = 0
            AND started_at >= {since:DateTime64(3, 'UTC')} AND started_at <= {now:DateTime64(3, 'UTC')}
    )
    ARRAY JOIN step_names AS step, step_applicable AS applies, step_required AS required, step_deadlines AS deadline,
        step_met_at AS met, step_failed_at AS failed
)
WHERE kind != ''
GROUP BY kind, step
