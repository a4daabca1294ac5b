-- How many occurrences began in time, how many are over, and how many of those went as written: all in time.
SELECT
    count() AS began,
    countIf(cancelled_at > {now:DateTime64(3, 'UTC')} AND (good_at <= {now:DateTime64(3, 'UTC')} OR due_at < {now:DateTime64(3, 'UTC')})) AS decided,
    countIf(cancelled_at > {now:DateTime64(3, 'UTC')} AND good_at <= {now:DateTime64(3, 'UTC')}) AS good
FROM instances FINAL
WHERE workflow = {workflow:String} AND deleted = 0
    AND started_at >= {since:DateTime64(3, 'UTC')} AND started_at <= {now:DateTime64(3, 'UTC')}
