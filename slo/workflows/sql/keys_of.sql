-- Kind, authority and sealed value of some keys.
SELECT any(kind) AS its_kind, any(authority), token, max(sealed) FROM keys
WHERE token IN {tokens:Array(String)} GROUP BY token ORDER BY its_kind, token
