-- Encounters in trouble at {now}, by workflow version, facility and step: refused there with nothing after (failed), or past the
-- step's deadline (overdue); one with both counts as failed, as on the board. Read by slo.alerts.observe every few
-- seconds, from open_instances alone. Trouble that began before {since} no longer holds an alert up; it stays on the
-- pages.
SELECT
    workflow, version, facility, if(failed, failing_step, due_step) AS step, if(failed, 'failed', 'overdue') AS kind,
    count() AS affected, min(if(failed, failing_at, next_due)) AS oldest
FROM
(
    SELECT
        workflow, version, facility, failing_at <= {now:DateTime64(3, 'UTC')} AS failed, failing_step, due_step,
        failing_at, next_due
    FROM open_instances FINAL
    WHERE (next_due < {now:DateTime64(3, 'UTC')} AND next_due > {since:DateTime64(3, 'UTC')})
        OR (failing_at <= {now:DateTime64(3, 'UTC')} AND failing_at > {since:DateTime64(3, 'UTC')})
)
GROUP BY workflow, version, facility, step, kind
ORDER BY workflow, version, facility, step, kind
