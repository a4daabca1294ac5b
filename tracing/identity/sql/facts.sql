-- Everything known of some keys; the links of a visit are asked for as `visit` and its token.
-- These are a few rows at thousands of places. The engine takes that for too little to share out, and one thread would
-- wait for the disk at each of them.
SELECT fact, min(first), max(last), max(newest) FROM key_facts
WHERE id IN (SELECT sipHash64(arrayJoin({tokens:Array(String)})))
GROUP BY fact
SETTINGS max_threads = 8, merge_tree_min_rows_for_concurrent_read = 1, merge_tree_min_bytes_for_concurrent_read = 1
