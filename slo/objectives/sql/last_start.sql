-- The latest start of an encounter of a workflow, 1970 when there is none. Read by slo.objectives.status: without
-- new encounters nothing is known.
SELECT max(started_at)
FROM instances
WHERE workflow = {workflow:String} AND deleted = 0 AND started_at <= {now:DateTime64(3, 'UTC')}
