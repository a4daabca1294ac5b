-- Brings open_instances in step for some journeys. A closed instance needs a row only where an open one lies.
INSERT INTO open_instances (
    workflow, version, journey, item, occurrence, facility, started_at, next_due, failing_at, waiting, deleted,
    evaluated_at
)
SELECT
    workflow, version, journey, item, occurrence, facility, started_at, next_due, failing_at, waiting,
    toUInt8(i.deleted OR i.closed) AS deleted,
    evaluated_at
FROM instances AS i FINAL
WHERE i.workflow = {workflow:String} AND i.journey IN {journeys:Array(String)}
    AND (
        NOT (i.deleted OR i.closed)
        OR (i.journey, i.item, i.version, i.occurrence) IN (
            SELECT journey, item, version, occurrence FROM open_instances
            WHERE workflow = {workflow:String} AND journey IN {journeys:Array(String)}
        )
    )
