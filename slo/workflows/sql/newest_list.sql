-- Instances of a workflow that {{which}} chooses, the last started first, among those started since {since}. From every
-- row there is, not only the newest of each: who reads this judges each by its newest facts and drops what differs.
SELECT i.workflow, i.journey, i.item, i.version, i.occurrence
FROM instances AS i
WHERE i.workflow = {workflow:String} AND i.deleted = 0
    AND i.started_at <= {now:DateTime64(3, 'UTC')} AND i.started_at >= {since:DateTime64(3, 'UTC')}
    AND {{which}}
ORDER BY i.started_at DESC, i.journey, i.item, i.version, i.occurrence
LIMIT 1 BY i.workflow, i.journey, i.item, i.version, i.occurrence
LIMIT {limit:UInt32}
