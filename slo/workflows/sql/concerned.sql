-- Workflow versions that have checkpoints of some keys.
SELECT DISTINCT workflow, version FROM checkpoints WHERE token IN {tokens:Array(String)}
