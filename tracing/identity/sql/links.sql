-- All links of some keys.
SELECT DISTINCT token, kind, other, other_kind FROM key_pairs WHERE token IN {tokens:Array(String)}
