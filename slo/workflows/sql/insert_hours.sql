-- Counts some hours anew from the instances that can have been decided in them: started at {since} or later.
INSERT INTO instance_hours
SELECT
    {workflow:String} AS workflow,
    hour,
    countIf(what = 'started'), countIf(what = 'good'), countIf(what = 'bad'),
    countIf(what = 'completed'), countIf(what = 'completed_late'), countIf(what = 'cancelled'),
    now64(6, 'UTC')
FROM
(
    -- Every wanted hour once, so that an hour that lost its last instance is written with zeros.
    SELECT arrayJoin({hours:Array(DateTime('UTC'))}) AS hour, '' AS what
    UNION ALL
    SELECT toStartOfHour(toDateTime(mark.1, 'UTC')) AS hour, mark.2 AS what
    FROM
    (
        SELECT arrayJoin(arrayConcat(
            [(started_at, 'started')],
            if(cancelled_at <= now, [(cancelled_at, 'cancelled')],
                if(done_at <= now, [(done_at, if(good_at <= now, 'completed', 'completed_late'))], [])),
            if(cancelled_at <= now, [], if(good_at <= now, [(good_at, 'good')], if(due_at < now, [(due_at, 'bad')], [])))
        )) AS mark
        FROM
        (
            -- The newest row of each that ever had to do with these hours. FINAL would merge all of a year's weeks.
            SELECT started_at, good_at, due_at, done_at, cancelled_at, deleted, {now:DateTime64(3, 'UTC')} AS now
            FROM instances
            WHERE workflow = {workflow:String} AND started_at >= {since:DateTime64(3, 'UTC')}
                AND cityHash64(journey, item, version, occurrence) IN (
                    SELECT cityHash64(journey, item, version, occurrence)
                    FROM instances
                    WHERE workflow = {workflow:String} AND started_at >= {since:DateTime64(3, 'UTC')}
                        AND arrayExists(moment -> toStartOfHour(toDateTime(moment, 'UTC')) IN {hours:Array(DateTime('UTC'))},
                            [started_at, good_at, due_at, done_at, cancelled_at])
                )
            ORDER BY evaluated_at DESC
            LIMIT 1 BY journey, item, version, occurrence
        )
        WHERE deleted = 0 AND started_at <= now
    )
    WHERE hour IN {hours:Array(DateTime('UTC'))}
)
GROUP BY hour
