-- Patients that some keys were seen with.
SELECT token, any(authority), other, any(other_kind), min(first), max(last), groupUniqArrayArray(together)
FROM key_seen_with WHERE other IN {tokens:Array(String)} AND kind = 'mrn'
GROUP BY other, token
