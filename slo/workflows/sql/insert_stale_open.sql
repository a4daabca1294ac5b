-- The same for open_instances: whatever is open there and no longer an instance.
INSERT INTO open_instances
SELECT * REPLACE (1 AS deleted, now64(6, 'UTC') AS evaluated_at)
FROM open_instances FINAL
WHERE workflow = {workflow:String} AND (journey, item, version, occurrence) IN (
    SELECT journey, item, version, occurrence FROM instances FINAL WHERE workflow = {workflow:String} AND deleted = 1
)
