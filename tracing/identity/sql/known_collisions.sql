-- Collisions of some keys that the resolver raised, as they stand.
SELECT token, why, kind, evidence, raised_at, cleared_at, version FROM key_collisions FINAL
WHERE token IN {tokens:Array(String)} AND why != 'blank'
