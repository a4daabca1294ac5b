-- Who assigned some keys.
SELECT token, any(authority) FROM keys WHERE token IN {tokens:Array(String)} GROUP BY token
