-- Where some keys belong; keys that no link ever placed have no row. Eras as plain tuples: patient, since, journey.
SELECT
    token,
    argMax(journeys.kind, journeys.version),
    argMax(journeys.journey, journeys.version),
    argMax(journeys.certainty, journeys.version),
    argMax(journeys.basis, journeys.version),
    arrayMap(era -> (era.1, era.2, era.3), argMax(journeys.eras, journeys.version))
FROM journeys WHERE token IN {tokens:Array(String)}
GROUP BY token
