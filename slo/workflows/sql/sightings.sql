-- What some search-only keys (patients, items, lots) were seen with: the best key of each message, or, where it has
-- none, its trace. The latest first, so many of each key.
SELECT token, other, any(other_kind) AS what, min(key_sightings.first) AS since, max(key_sightings.last) AS until
FROM key_sightings
PREWHERE token IN {tokens:Array(String)}
GROUP BY token, other
ORDER BY until DESC, other
LIMIT {most:UInt32} BY token
