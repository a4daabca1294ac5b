-- Every row of where some keys belong, for the reader to take the newest of each: cheaper than FINAL or argMax for a
-- few keys. Keys that no link ever placed have no row. Eras as plain tuples: patient, since, journey.
SELECT token, version, kind, journey, certainty, basis, arrayMap(era -> (era.1, era.2, era.3), eras)
FROM key_places
WHERE token IN {tokens:Array(String)}
