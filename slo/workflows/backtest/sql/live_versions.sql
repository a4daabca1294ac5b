-- The versions that judged what started in a time.
SELECT DISTINCT version FROM instances FINAL
WHERE workflow = {workflow:String} AND deleted = 0
    AND started_at >= {since:DateTime64(3, 'UTC')} AND started_at <= {now:DateTime64(3, 'UTC')}
ORDER BY version
