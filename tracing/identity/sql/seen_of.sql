-- What some patients were seen with: visits, keys, and messages that carry nothing better.
SELECT token, other, any(other_kind) AS other_kind, min(first), max(last)
FROM key_sightings WHERE token IN {tokens:Array(String)} AND kind = 'mrn'
GROUP BY token, other
