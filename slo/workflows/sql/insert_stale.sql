-- Marks the instances of a workflow that no version judges any more: started outside the time of their version, which
-- {versions}, {sinces} and {untils} (Unix milliseconds) give, or found by a version that is gone.
INSERT INTO instances
SELECT * REPLACE (1 AS deleted, now64(6, 'UTC') AS evaluated_at)
FROM instances AS i FINAL
WHERE i.workflow = {workflow:String} AND i.deleted = 0 AND NOT arrayExists(
    (version, since, until) -> i.version = version
        AND toUnixTimestamp64Milli(i.started_at) >= since AND toUnixTimestamp64Milli(i.started_at) < until,
    {versions:Array(UInt32)}, {sinces:Array(Int64)}, {untils:Array(Int64)})
