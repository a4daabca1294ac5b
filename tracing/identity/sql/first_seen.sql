-- When some keys were first seen: minima, so order and repetition of what arrived do not matter.
SELECT token, min(first_seen) FROM keys WHERE token IN {tokens:Array(String)} GROUP BY token
