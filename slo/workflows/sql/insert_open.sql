-- Brings open_instances in step for some journeys. A closed instance needs a row only where an open one lies.
INSERT INTO open_instances (
    workflow, version, journey, item, occurrence, facility, started_at, next_due, failing_at, waiting, deleted,
    evaluated_at, hours, step_deadlines
)
SELECT
    workflow, version, journey, item, occurrence, facility, started_at, next_due, failing_at, waiting,
    toUInt8(i.deleted OR i.closed) AS deleted,
    evaluated_at,
    toUInt8((toDayOfWeek(toTimeZone(started_at, {zone:String})) > 5) * 2
        + (toHour(toTimeZone(started_at, {zone:String})) NOT BETWEEN 7 AND 18)) AS hours,
    step_deadlines
FROM instances AS i FINAL
WHERE i.workflow = {workflow:String} AND i.version = {version:UInt32} AND i.journey IN {journeys:Array(String)}
    AND (
        NOT (i.deleted OR i.closed)
        OR (i.journey, i.item, i.occurrence) IN (
            SELECT journey, item, occurrence FROM open_instances
            WHERE workflow = {workflow:String} AND version = {version:UInt32} AND journey IN {journeys:Array(String)}
        )
    )
