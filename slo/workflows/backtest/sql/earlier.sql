-- Journeys that had started before the time that is looked at.
SELECT DISTINCT journey FROM instances FINAL
WHERE workflow = {workflow:String} AND deleted = 0 AND journey IN {journeys:Array(String)}
    AND started_at < {since:DateTime64(3, 'UTC')}
