-- What is open of them, in bulk.
INSERT INTO open_instances
(
    workflow, version, journey, item, occurrence, facility, started_at, next_due, failing_at, waiting, deleted,
    evaluated_at, hours, step_deadlines
)
SELECT
    workflow, version, journey, item, occurrence, facility, started_at, next_due, failing_at, waiting, 0, evaluated_at,
    toUInt8((toDayOfWeek(toTimeZone(started_at, 'America/New_York')) > 5) * 2
        + (toHour(toTimeZone(started_at, 'America/New_York')) NOT BETWEEN 7 AND 18)),
    step_deadlines
FROM instances
WHERE closed = 0
