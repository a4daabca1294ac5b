-- Messages about some batches that a workflow hears of: where to find them, and the batch.
SELECT DISTINCT trace_id, span_id, token FROM checkpoints
WHERE (workflow, version) IN (SELECT DISTINCT workflow, version FROM batches WHERE batch IN {batches:Array(String)})
    AND token IN {batches:Array(String)}
