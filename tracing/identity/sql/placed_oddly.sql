-- Which of some keys have several journeys, or are a visit within another.
SELECT token FROM key_places WHERE token IN {tokens:Array(String)}
GROUP BY token
HAVING notEmpty(argMax(key_places.eras, key_places.version))
    OR (argMax(key_places.kind, key_places.version) = 'visit' AND argMax(key_places.journey, key_places.version) != token)
