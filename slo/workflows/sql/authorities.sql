-- Kinds of keys and the authorities that assign them, as seen so far.
SELECT DISTINCT kind, authority FROM key_authorities ORDER BY kind, authority
