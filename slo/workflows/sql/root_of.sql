-- The journey a key belongs to, with its own kind and certainty.
SELECT argMax(journeys.journey, journeys.version), argMax(journeys.certainty, journeys.version)
FROM journeys WHERE token = {token:String} GROUP BY token
