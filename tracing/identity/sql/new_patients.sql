-- Patients that were seen at these moments, a page in order.
SELECT DISTINCT token FROM key_sightings
WHERE ingested_at >= {since:DateTime64(3, 'UTC')} AND ingested_at IN {blocks:Array(DateTime64(3, 'UTC'))}
    AND kind = 'mrn' AND token > {after:String}
ORDER BY token
LIMIT {page:UInt32}
