-- Where some keys belong at present.
SELECT
    token,
    argMax(key_places.kind, key_places.version),
    argMax(key_places.journey, key_places.version),
    argMax(key_places.certainty, key_places.version),
    argMax(key_places.basis, key_places.version),
    argMax(key_places.eras, key_places.version),
    max(key_places.version)
FROM key_places
WHERE token IN {tokens:Array(String)}
GROUP BY token
