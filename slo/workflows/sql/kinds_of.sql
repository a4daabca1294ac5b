-- Which of some tokens are keys, and of what kind and authority.
SELECT token, any(kind), any(authority) FROM keys WHERE token IN {tokens:Array(String)} GROUP BY token
