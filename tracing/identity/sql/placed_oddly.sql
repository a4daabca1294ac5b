-- Which of some keys have several journeys, or are a visit within another.
SELECT token FROM journeys WHERE token IN {tokens:Array(String)}
GROUP BY token
HAVING notEmpty(argMax(journeys.eras, journeys.version))
    OR (argMax(journeys.kind, journeys.version) = 'visit' AND argMax(journeys.journey, journeys.version) != token)
