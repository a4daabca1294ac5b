-- Keys of which facts were stored at these moments, a page in order, each with what it was: `l` for a link, `s` for a
-- patient. Links of visits are left out: a new link of a visit has another end, and that is the one that may move.
WITH splitByChar(',', fact, 4) AS parts
SELECT DISTINCT concat(parts[2], ',', parts[1]) AS name FROM key_facts
WHERE ingested_at >= {since:DateTime64(3, 'UTC')} AND ingested_at IN {blocks:Array(DateTime64(3, 'UTC'))}
    AND ((parts[1] = 'l' AND parts[3] NOT IN ('visit', 'mrn', 'item', 'lot', 'request')) OR (parts[1] = 's' AND parts[3] != 'message'))
    AND name > {after:String}
ORDER BY name
LIMIT {page:UInt32}
