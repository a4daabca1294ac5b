-- Where some keys belong; keys that no link ever placed have no row.
SELECT token, argMax(journeys.journey, journeys.version), argMax(journeys.certainty, journeys.version)
FROM journeys WHERE token IN {tokens:Array(String)} GROUP BY token
