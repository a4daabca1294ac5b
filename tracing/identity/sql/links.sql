-- All links of some keys, with whose word they are and when.
SELECT token, any(kind), other, any(other_kind), interface, patient, min(first), max(last) FROM key_links
WHERE token IN {tokens:Array(String)}
GROUP BY token, other, interface, patient
