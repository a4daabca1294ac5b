-- What is said of some journeys now, whatever version said it. Columns as in draft_facts.sql.
SELECT
    journey, item, occurrence, certainty, facility, started_at, cancelled_at, ended_at,
    step_names, step_applicable, step_deadlines, step_met_at, step_failed_at, step_required
FROM instances FINAL
WHERE workflow = {workflow:String} AND deleted = 0 AND journey IN {journeys:Array(String)}
    AND started_at >= {since:DateTime64(3, 'UTC')} AND started_at <= {now:DateTime64(3, 'UTC')}
