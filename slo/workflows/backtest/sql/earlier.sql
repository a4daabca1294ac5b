-- Journeys that had started before the time that is looked at.
SELECT DISTINCT journey
FROM
(
    SELECT journey, started_at, deleted FROM instances
    WHERE workflow = {workflow:String} AND journey IN {journeys:Array(String)}
    ORDER BY evaluated_at DESC
    LIMIT 1 BY journey, item, version, occurrence
)
WHERE deleted = 0 AND started_at < {since:DateTime64(3, 'UTC')}
