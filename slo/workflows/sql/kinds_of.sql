-- Which of some tokens are keys, and of what kind and authority; a key that several parts have is there as often.
SELECT (token, kind, authority) FROM keys PREWHERE token IN {tokens:Array(String)}
