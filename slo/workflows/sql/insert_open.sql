-- Brings open_instances in step for some journeys of workflows of one time zone that were judged just
-- now: {run}, or the moment before for what vanished. A closed instance needs a row only where an open one lies.
INSERT INTO open_instances (
    workflow, version, journey, item, occurrence, facility, started_at, next_due, failing_at, waiting, deleted,
    evaluated_at, hours, step_deadlines, due_step, failing_step
)
SELECT
    workflow, version, journey, item, occurrence, facility, started_at, next_due, failing_at, waiting,
    toUInt8(i.deleted OR i.closed) AS deleted,
    evaluated_at,
    toUInt8((toDayOfWeek(toTimeZone(started_at, {zone:String})) > 5) * 2
        + (toHour(toTimeZone(started_at, {zone:String})) NOT BETWEEN 7 AND 18)) AS hours,
    step_deadlines,
    arrayFirst((name, n, due) -> bitTest(waiting, n) AND due = next_due, step_names, range(length(step_names)), step_deadlines),
    arrayFirst((name, n, failed) -> bitTest(waiting, n) AND failed = failing_at, step_names, range(length(step_names)), step_failed_at)
FROM
(
    SELECT * FROM instances
    WHERE workflow IN {workflows:Array(String)} AND journey IN {journeys:Array(String)}
        AND evaluated_at >= subtractMicroseconds({run:DateTime64(6, 'UTC')}, 1)
        AND {{asked_of}} IN {asked:Array(String)}
    ORDER BY evaluated_at DESC
    LIMIT 1 BY workflow, version, journey, item, occurrence
) AS i
WHERE NOT (i.deleted OR i.closed)
    OR (i.workflow, i.version, i.journey, i.item, i.occurrence) IN (
        SELECT workflow, version, journey, item, occurrence FROM open_instances
        WHERE workflow IN {workflows:Array(String)} AND journey IN {journeys:Array(String)}
    )
