-- A hospital system's past as the views and the resolver have left it, for some journeys: a visit each, with an account,
-- an order and a claim; a patient has four visits. Everything was stored a month before the measurement.
INSERT INTO key_facts (id, fact, first, last, newest, ingested_at)
WITH (kind, number) -> lower(hex(MD5(concat(kind, ':', toString(number))))) AS token,
    token('mrn', intDiv(n, 4)) AS patient,
    [('visit', token('visit', n), 'account', token('account', n), 'ehr-adt', patient),
     ('visit', token('visit', n), 'order', token('order', n), 'ehr-orders', patient),
     ('account', token('account', n), 'claim', token('claim', n), 'claims-out', '')] AS links
SELECT
    sipHash64(if(ends[1].1 = 'visit', concat('visit', ends[1].2), ends[1].2)),
    concat('l,', ends[1].2, ',', ends[1].1, ',', ends[2].2, ',', ends[2].1, ',', link.6, ',', link.5),
    began, began + 3600, '', {stored:DateTime64(3, 'UTC')} AS ingested_at
FROM
(
    SELECT number AS n, toDateTime64({stored:DateTime64(3, 'UTC')} - (1 + number % 400) * 86400, 3, 'UTC') AS began
    FROM numbers({from:UInt64}, {count:UInt64})
)
ARRAY JOIN links AS link
ARRAY JOIN [[(link.1, link.2), (link.3, link.4)], [(link.3, link.4), (link.1, link.2)]] AS ends;

INSERT INTO journeys (token, kind, journey, certainty, basis, version, ingested_at)
WITH (kind, number) -> lower(hex(MD5(concat(kind, ':', toString(number))))) AS token
SELECT token(kind, n), kind, token('visit', n), 'certain', 'key', 1, {stored:DateTime64(3, 'UTC')} AS ingested_at
FROM (SELECT number AS n FROM numbers({from:UInt64}, {count:UInt64}))
ARRAY JOIN ['account', 'order', 'claim'] AS kind;

INSERT INTO keys (token, kind, authority, sealed, first_seen)
WITH (kind, number) -> lower(hex(MD5(concat(kind, ':', toString(number))))) AS token
SELECT token(kind, if(kind = 'mrn', intDiv(n, 4), n)), kind, 'NSH', '', {stored:DateTime64(3, 'UTC')} - (1 + n % 400) * 86400
FROM (SELECT number AS n FROM numbers({from:UInt64}, {count:UInt64}))
ARRAY JOIN ['visit', 'account', 'order', 'claim', 'mrn'] AS kind
WHERE kind != 'mrn' OR n % 4 = 0;

INSERT INTO key_sightings (token, other, kind, other_kind, first, last, ingested_at)
WITH (kind, number) -> lower(hex(MD5(concat(kind, ':', toString(number))))) AS token,
    {stored:DateTime64(3, 'UTC')} - (1 + n % 400) * 86400 AS began
SELECT token('mrn', intDiv(n, 4)), token('visit', n), 'mrn', 'visit', began, began + 3600, {stored:DateTime64(3, 'UTC')}
FROM (SELECT number AS n FROM numbers({from:UInt64}, {count:UInt64}))
