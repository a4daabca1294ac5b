-- Facts that were stored at these moments, a page in order.
SELECT DISTINCT fact FROM key_news
WHERE ingested_at >= {since:DateTime64(3, 'UTC')} AND ingested_at IN {blocks:Array(DateTime64(3, 'UTC'))}
    AND fact > {after:String}
ORDER BY fact
LIMIT {page:UInt32}
