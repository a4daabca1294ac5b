-- On-time rate by site-local day: encounters decided on it and how many of them were good. Read by slo.kpis for
-- this period and the one before; decisions.sql of slo.objectives says what decided and good mean.
WITH
    decisions AS
    (
{{decisions}}
    )
SELECT
    decided_at > {middle:DateTime64(3, 'UTC')} AS current,
    toDate(toTimeZone(decided_at, {zone:String})) AS day,
    countIf(good) AS good_count,
    count() AS total
FROM decisions
GROUP BY current, day
ORDER BY current, day
