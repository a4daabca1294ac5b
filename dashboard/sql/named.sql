-- Some keys: kind, authority and sealed value, and where they belong with what that rests on. Reads keys and journeys,
-- both by token; '' where a key was never placed. Parameters: tokens.
SELECT named.token, kind, authority, sealed, journey, certainty, basis
FROM
(
    SELECT token, any(keys.kind) AS kind, any(keys.authority) AS authority, max(keys.sealed) AS sealed
    FROM keys WHERE token IN {tokens:Array(String)} GROUP BY token
) AS named
LEFT JOIN
(
    SELECT token, argMax(journeys.journey, version) AS journey, argMax(journeys.certainty, version) AS certainty,
        argMax(journeys.basis, version) AS basis
    FROM journeys WHERE token IN {tokens:Array(String)} GROUP BY token
) AS placed ON named.token = placed.token
ORDER BY named.token
