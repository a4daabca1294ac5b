-- Keys of which something was said at these moments, a page in order.
SELECT DISTINCT token FROM identity_events
WHERE ingested_at >= {since:DateTime64(3, 'UTC')} AND ingested_at IN {blocks:Array(DateTime64(3, 'UTC'))}
    AND token > {after:String}
ORDER BY token
LIMIT {page:UInt32}
