-- Marks what this evaluation did not find again: occurrences that are no more, and rows of an occurrence whose start
-- moved to another week (FINAL looks into each partition by itself here, as a reader of one month does).
INSERT INTO instances
SELECT * REPLACE (1 AS deleted, subtractMicroseconds({run:DateTime64(6, 'UTC')}, 1) AS evaluated_at)
FROM instances AS i FINAL
WHERE i.workflow = {workflow:String} AND i.version = {version:UInt32} AND i.journey IN {journeys:Array(String)}
    AND i.deleted = 0 AND i.evaluated_at < {run:DateTime64(6, 'UTC')}
SETTINGS do_not_merge_across_partitions_select_final = 1
