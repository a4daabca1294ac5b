-- Keys that do not say whose they are and that nobody has cleared, by reason and kind of key. Reads key_collisions, the
-- newest row of each; tokens are counted and stay here. Parameters: now.
SELECT why, its_kind, count() AS keys, min(since) AS oldest
FROM
(
    SELECT
        token, why, argMax(kind, version) AS its_kind, min(raised_at) AS since, argMax(cleared_at, version) AS cleared
    FROM key_collisions
    GROUP BY token, why
    HAVING cleared > {now:DateTime64(3, 'UTC')} AND since <= {now:DateTime64(3, 'UTC')}
)
GROUP BY why, its_kind
ORDER BY why, its_kind
