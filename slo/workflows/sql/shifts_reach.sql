-- How far the stored pieces of deadlines reach.
SELECT rule, max(since) FROM deadline_pieces WHERE rule IN {rules:Array(String)} GROUP BY rule
