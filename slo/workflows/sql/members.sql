-- Keys that belong to a journey now: the member rows of tokens that have moved on are left out.
SELECT token, argMax(journeys.kind, journeys.version), argMax(journeys.certainty, journeys.version)
FROM journeys
WHERE token IN (SELECT token FROM journey_members WHERE journey = {journey:String})
GROUP BY token
HAVING argMax(journeys.journey, journeys.version) = {journey:String}
