-- Keys with links that were stored at these moments, a page in token order. Visits are left out: a new link of a
-- visit has another end, and that is the one that may move.
SELECT DISTINCT token FROM key_links
WHERE ingested_at >= {since:DateTime64(3, 'UTC')} AND ingested_at IN {blocks:Array(DateTime64(3, 'UTC'))}
    AND kind NOT IN ('visit', 'mrn', 'item', 'lot', 'request') AND token > {after:String}
ORDER BY token
LIMIT {page:UInt32}
