-- After which time an unmet step is likelier late than not. Of the decided instances of the last 30 days, those that
-- are still unmet after t seconds are the late ones and the good ones that took longer than t; the moment sought is
-- the first at which the late ones are the majority: the n-th longest good duration, n being the number of late
-- ones. With none late, or fewer than {fewest} decided, there is no such moment (-1).
-- Journeys are spread evenly by their hash, so `journey < {below}` is a fair sample that the sort key serves.
INSERT INTO step_risk
SELECT
    {workflow:String} AS workflow,
    {version:UInt32} AS version,
    arrayMap((good, late) -> multiIf(length(good) + late < {fewest:UInt64} OR late = 0, -1., length(good) < late, 0.,
        arrayReverseSort(good)[late]), goods, lates) AS risk_after,
    arrayMap((good, late) -> length(good) + late, goods, lates) AS samples,
    now64(6, 'UTC')
FROM
(
    SELECT groupArray(good) AS goods, groupArray(late) AS lates
    FROM
    (
        SELECT n, groupArrayArray(good) AS good, sum(late) AS late
        FROM
        (
            SELECT
                toUInt64(n) AS n,
                groupArrayIf(dateDiff('millisecond', started_at, met) / 1000., met <= deadline) AS good,
                countIf(met > deadline) AS late
            FROM instances FINAL
            ARRAY JOIN
                step_applicable AS applies, step_deadlines AS deadline, step_met_at AS met,
                arrayEnumerate(step_met_at) AS n
            WHERE workflow = {workflow:String} AND journey < {below:String} AND deleted = 0 AND applies
                AND version = {version:UInt32} AND cancelled_at > {now:DateTime64(3, 'UTC')}
                AND started_at >= {since:DateTime64(3, 'UTC')} AND started_at <= {now:DateTime64(3, 'UTC')}
                AND (met <= least(deadline, {now:DateTime64(3, 'UTC')}) OR deadline < {now:DateTime64(3, 'UTC')})
            GROUP BY n
            UNION ALL
            -- Every step once, so that one without history keeps its place.
            SELECT arrayJoin(range(1, {steps:UInt64} + 1)), CAST([], 'Array(Float64)'), 0
        )
        GROUP BY n
        ORDER BY n
    )
)
