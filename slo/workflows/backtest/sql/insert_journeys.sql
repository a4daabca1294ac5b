-- Every journey that the live versions or the draft can say something of: those of live instances that started in
-- time, and all that the keys of the draft's starts belong to. A key that belongs elsewhere is no journey of its own:
-- judged on another page than its journey, it would look like one. A day more, for clocks that were corrected.
-- Of many, one in so many.
INSERT INTO {{table}}
SELECT journey
FROM
(
    SELECT journey FROM instances FINAL
    WHERE workflow = {workflow:String} AND deleted = 0
        AND started_at >= {since:DateTime64(3, 'UTC')} AND started_at <= {now:DateTime64(3, 'UTC')}
    UNION DISTINCT
    SELECT token FROM {{checkpoints}}
    WHERE step = '@start' AND at >= {since:DateTime64(3, 'UTC')} - INTERVAL 1 DAY AND token NOT IN (
        SELECT token FROM key_places
        WHERE token IN (SELECT token FROM {{checkpoints}} WHERE step = '@start' AND at >= {since:DateTime64(3, 'UTC')} - INTERVAL 1 DAY)
        GROUP BY token
        HAVING argMax(journey, version) != token AND ({hears_probable:UInt8} OR argMax(basis, version) != 'patient')
    )
    UNION DISTINCT
    SELECT arrayJoin(arrayPushFront(arrayMap(era -> era.3, eras), journey))
    FROM key_places WHERE token IN (SELECT token FROM {{checkpoints}} WHERE step = '@start' AND at >= {since:DateTime64(3, 'UTC')} - INTERVAL 1 DAY)
)
WHERE cityHash64(journey) % {one_in:UInt32} = 0
