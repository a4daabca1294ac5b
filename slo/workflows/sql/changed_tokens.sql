-- Keys whose checkpoints were stored at these moments and the workflow versions of these, a page in key order.
SELECT token, groupUniqArray((workflow, version)) AS versions FROM checkpoints
WHERE ingested_at >= {since:DateTime64(3, 'UTC')} AND ingested_at IN {blocks:Array(DateTime64(3, 'UTC'))}
    AND token > {after:String}
GROUP BY token
ORDER BY token
LIMIT {page:UInt32}
