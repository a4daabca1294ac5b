-- Keys that do not say whose they are, with who assigned them and their sealed value; the newest first.
SELECT token, why, its_kind, authority, sealed, evidence, raised_at, cleared_at
FROM
(
    SELECT
        token, why, argMax(key_collisions.kind, version) AS its_kind, argMax(key_collisions.evidence, version) AS evidence,
        min(key_collisions.raised_at) AS raised_at, argMax(key_collisions.cleared_at, version) AS cleared_at
    FROM key_collisions
    GROUP BY token, why
    HAVING cleared_at > {after:DateTime64(3, 'UTC')}
    ORDER BY raised_at DESC, token
    LIMIT {limit:UInt32}
) AS found
LEFT JOIN
(
    SELECT token, any(keys.authority) AS authority, max(keys.sealed) AS sealed FROM keys
    WHERE token IN (SELECT token FROM key_collisions) GROUP BY token
) AS named ON found.token = named.token
ORDER BY raised_at DESC, token, why
