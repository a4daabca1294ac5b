-- Keys that were doubtful for one of these visits.
SELECT DISTINCT token FROM doubtful_keys WHERE other IN {tokens:Array(String)}
