-- Why some keys say nothing, where that stands, and what they were seen with.
SELECT token, argMax(why, version), argMax(evidence, version) FROM key_collisions
WHERE token IN {tokens:Array(String)}
GROUP BY token, why
HAVING argMax(cleared_at, version) > {now:DateTime64(3, 'UTC')}
