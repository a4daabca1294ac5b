-- What a draft says of a page of journeys.
INSERT INTO {{table}} (journey, item, side, started_at, verdict, rated, last_due, names, states)
SELECT journey, item, side, started_at, verdict, rated, last_due, names, states
FROM
(
    SELECT
        {{verdict}}
    FROM ({{facts}}) AS i
    WHERE i.started_at >= {since:DateTime64(3, 'UTC')} AND i.started_at <= {now:DateTime64(3, 'UTC')}
)
