-- The kinds of some keys.
SELECT token, toString(any(kind)) FROM keys WHERE token IN {tokens:Array(String)} GROUP BY token
