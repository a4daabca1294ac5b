-- Placeholders among some keys, as they stand.
SELECT token, kind, evidence, raised_at, cleared_at, version FROM key_collisions FINAL
WHERE token IN {tokens:Array(String)} AND why = 'blank'
