-- What is said of some journeys now, whatever version said it. Columns as in draft_facts.sql. The newest row of each,
-- without FINAL, which would read far more than the journeys that are looked up.
SELECT
    journey, item, occurrence, certainty, facility, started_at, cancelled_at, ended_at,
    step_names, step_applicable, step_deadlines, step_met_at, step_failed_at, step_required
FROM
(
    SELECT * FROM instances
    WHERE workflow = {workflow:String} AND journey IN {journeys:Array(String)}
    ORDER BY evaluated_at DESC
    LIMIT 1 BY journey, item, version, occurrence
)
WHERE deleted = 0 AND started_at >= {since:DateTime64(3, 'UTC')} AND started_at <= {now:DateTime64(3, 'UTC')}
