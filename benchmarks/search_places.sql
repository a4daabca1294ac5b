-- Where the keys of some journeys belong, as the identity resolver writes it: each hangs on its visit.
INSERT INTO journeys (token, kind, journey, certainty, basis, version)
WITH
    (kind, authority, value) -> substring(lower(hex(HMAC('sha256',
        concat('v1|journey|', kind, '|', authority, '|', value), unhex({site_key:String})))), 1, 32) AS token,
    if(n % 10 = 9, 'EAST', 'NSH') AS owner
SELECT key.2, key.1, token('visit', 'NSH', concat('V', toString(n))), 'certain', 'key', 1
FROM (SELECT number AS n FROM numbers({from:UInt64}, {count:UInt64}))
ARRAY JOIN [
    ('account', token('account', owner, concat('A', toString(n - (n % 10 = 9))))),
    ('order', token('order', 'NSH', concat('O', toString(n)))),
    ('claim', token('claim', owner, concat('C', toString(n))))] AS key
WHERE NOT (key.1 = 'order' AND n % 50 = 49)
