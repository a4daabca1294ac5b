-- Keys that were ever placed in some journeys, with where they belong now; those that moved on are the reader's to
-- leave out.
SELECT
    token,
    argMax(journeys.kind, journeys.version),
    argMax(journeys.journey, journeys.version),
    argMax(journeys.certainty, journeys.version),
    argMax(journeys.basis, journeys.version),
    arrayMap(era -> (era.1, era.2, era.3), argMax(journeys.eras, journeys.version))
FROM journeys
WHERE token IN (SELECT token FROM journey_members WHERE journey IN {journeys:Array(String)})
GROUP BY token
