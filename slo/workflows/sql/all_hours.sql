-- Hours of the last weeks in which anything of a workflow started or was decided.
SELECT DISTINCT arrayJoin(arrayMap(moment -> toStartOfHour(toDateTime(moment, 'UTC')),
    arrayFilter(moment -> moment <= {now:DateTime64(3, 'UTC')}, [started_at, good_at, due_at, done_at, cancelled_at]))) AS hour
FROM instances
WHERE workflow = {workflow:String} AND started_at >= {since:DateTime64(3, 'UTC')}
