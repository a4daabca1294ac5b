-- Where some keys belong at present.
SELECT
    token,
    argMax(journeys.kind, journeys.version),
    argMax(journeys.journey, journeys.version),
    argMax(journeys.certainty, journeys.version),
    argMax(journeys.basis, journeys.version),
    argMax(journeys.eras, journeys.version),
    max(journeys.version)
FROM journeys
WHERE token IN {tokens:Array(String)}
GROUP BY token
