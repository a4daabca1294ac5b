-- Everything known of some keys; the links of a visit are asked for as `visit` and its token.
SELECT fact, min(first), max(last), max(newest) FROM key_facts
WHERE id IN (SELECT sipHash64(arrayJoin({tokens:Array(String)})))
GROUP BY fact
