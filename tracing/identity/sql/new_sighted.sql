-- Keys that patients were seen with at these moments, a page in order.
SELECT DISTINCT other FROM key_sightings
WHERE ingested_at >= {since:DateTime64(3, 'UTC')} AND ingested_at IN {blocks:Array(DateTime64(3, 'UTC'))}
    AND kind = 'mrn' AND other_kind != 'message' AND other > {after:String}
ORDER BY other
LIMIT {page:UInt32}
