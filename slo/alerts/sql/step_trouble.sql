-- Encounters in trouble at {now}, by workflow and step: refused there with nothing after (failed), or past the
-- step's deadline (overdue); one with both counts as failed, as on the board. Read by slo.alerts.observe every few
-- seconds, so open_instances finds the few troubled ones and only their rows of instances are read.
-- Trouble that began before {since} no longer holds an alert up; it stays on the pages.
WITH
    troubled AS
    (
        SELECT workflow, journey, occurrence
        FROM open_instances FINAL
        WHERE (next_due < {now:DateTime64(3, 'UTC')} AND next_due > {since:DateTime64(3, 'UTC')})
            OR (failing_at <= {now:DateTime64(3, 'UTC')} AND failing_at > {since:DateTime64(3, 'UTC')})
    )
SELECT workflow, trouble.1 AS step, trouble.2 AS kind, count() AS affected, min(trouble.3) AS oldest
FROM
(
    SELECT
        workflow,
        failing_at <= {now:DateTime64(3, 'UTC')} AS failed,
        if(failed,
            (arrayFirst((name, a, m, f) -> a AND m > {now:DateTime64(3, 'UTC')} AND f = failing_at,
                step_names, step_applicable, step_met_at, step_failed_at), 'failed', failing_at),
            (arrayFirst((name, a, m, d) -> a AND m > {now:DateTime64(3, 'UTC')} AND d = next_due,
                step_names, step_applicable, step_met_at, step_deadlines), 'overdue', next_due)) AS trouble
    FROM instances FINAL
    WHERE (workflow, journey, occurrence) IN troubled AND deleted = 0 AND cancelled_at > {now:DateTime64(3, 'UTC')}
)
GROUP BY workflow, step, kind
ORDER BY workflow, step, kind
