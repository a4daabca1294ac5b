-- Messages of some kinds that came while an occurrence ran, by the number of journeys that had them.
SELECT activity, uniqExact(journey) AS times, groupArraySample(3, 7)(journey) AS examples
FROM
(
    SELECT event.journey AS journey, event.activity AS activity
    FROM (SELECT journey, activity, at FROM {{table}} WHERE activity IN {activities:Array(String)}) AS event
    INNER JOIN
    (
        SELECT journey, min(started_at) AS began, max(least(done_at, cancelled_at, {now:DateTime64(3, 'UTC')})) AS over
        FROM instances FINAL
        WHERE workflow = {workflow:String} AND deleted = 0
            AND started_at >= {since:DateTime64(3, 'UTC')} AND started_at <= {now:DateTime64(3, 'UTC')}
        GROUP BY journey
    ) AS running ON event.journey = running.journey
    WHERE event.at >= running.began AND event.at <= running.over
)
GROUP BY activity
