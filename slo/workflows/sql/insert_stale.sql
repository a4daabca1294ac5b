-- Marks the instances of a workflow that an older version found and the active one did not.
INSERT INTO instances
SELECT * REPLACE (1 AS deleted, now64(6, 'UTC') AS evaluated_at)
FROM instances FINAL
WHERE workflow = {workflow:String} AND deleted = 0 AND version != {version:UInt32}
