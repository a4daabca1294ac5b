-- Workflow versions of which checkpoints were stored at these moments.
SELECT DISTINCT workflow, version FROM checkpoints
WHERE ingested_at >= {since:DateTime64(3, 'UTC')} AND ingested_at IN {blocks:Array(DateTime64(3, 'UTC'))}
