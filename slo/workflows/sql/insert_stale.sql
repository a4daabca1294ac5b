-- Marks the instances of a workflow that an older version found and the active one did not.
INSERT INTO instances
SELECT * REPLACE (1 AS deleted, now64(6, 'UTC') AS evaluated_at)
FROM instances AS i FINAL
WHERE i.workflow = {workflow:String} AND i.deleted = 0 AND i.version != {version:UInt32}
