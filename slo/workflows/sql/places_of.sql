-- Where some keys belong; keys that no link ever placed have no row. Eras as plain tuples: patient, since, journey.
-- FINAL, because a few keys are read: it costs less here than six argMax.
SELECT token, kind, journey, certainty, basis, arrayMap(era -> (era.1, era.2, era.3), eras)
FROM journeys FINAL
WHERE token IN {tokens:Array(String)}
