-- Every row of why some keys say nothing, and what they were seen with, for the reader to take the newest of each.
SELECT (token, why, version, evidence, cleared_at) FROM key_collisions PREWHERE token IN {tokens:Array(String)}
