-- What is said of a page of journeys now, whatever version said it. The newest row of each, without FINAL, which would
-- read far more than the journeys that are looked up. Of what started too early only that it did.
INSERT INTO {{table}} (journey, item, side, started_at, verdict, rated, last_due, names, states)
SELECT journey, item, if(started_at < {since:DateTime64(3, 'UTC')}, 2, side), started_at, verdict, rated, last_due, names, states
FROM
(
    SELECT
        {{verdict}}
    FROM
    (
        SELECT * FROM instances
        WHERE workflow = {workflow:String} AND journey IN ({{page}})
        ORDER BY evaluated_at DESC
        LIMIT 1 BY journey, item, version, occurrence
    ) AS i
    WHERE i.deleted = 0 AND i.started_at <= {now:DateTime64(3, 'UTC')}
)
