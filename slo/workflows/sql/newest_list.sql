-- Instances of a workflow that {{which}} chooses, the last started first, among those started since {since}.
SELECT i.workflow, i.journey, i.item, i.version, i.occurrence
FROM instances AS i FINAL
WHERE i.workflow = {workflow:String} AND i.deleted = 0
    AND i.started_at <= {now:DateTime64(3, 'UTC')} AND i.started_at >= {since:DateTime64(3, 'UTC')}
    AND {{which}}
ORDER BY i.started_at DESC, i.journey, i.item, i.version, i.occurrence
LIMIT {limit:UInt32}
