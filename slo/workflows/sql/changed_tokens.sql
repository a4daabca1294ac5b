-- Keys whose checkpoints of one workflow version were stored at these moments, a page in key order.
SELECT DISTINCT token FROM checkpoints
WHERE workflow = {workflow:String} AND version = {version:UInt32}
    AND ingested_at >= {since:DateTime64(3, 'UTC')} AND ingested_at IN {blocks:Array(DateTime64(3, 'UTC'))}
    AND token > {after:String}
ORDER BY token
LIMIT {page:UInt32}
