-- What is open of them, in bulk.
INSERT INTO open_instances
(
    workflow, version, journey, item, occurrence, facility, started_at, next_due, failing_at, waiting, deleted,
    evaluated_at, hours, step_deadlines, due_step, failing_step
)
SELECT
    workflow, version, journey, item, occurrence, facility, started_at, next_due, failing_at, waiting, 0, evaluated_at,
    toUInt8((toDayOfWeek(toTimeZone(started_at, 'America/New_York')) > 5) * 2
        + (toHour(toTimeZone(started_at, 'America/New_York')) NOT BETWEEN 7 AND 18)),
    step_deadlines,
    arrayFirst((name, n, due) -> bitTest(waiting, n) AND due = next_due, step_names, range(length(step_names)), step_deadlines),
    arrayFirst((name, n, failed) -> bitTest(waiting, n) AND failed = failing_at, step_names, range(length(step_names)), step_failed_at)
FROM instances
WHERE closed = 0
