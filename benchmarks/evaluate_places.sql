-- Where the accounts of the same instances belong, as the identity resolver writes it: each on its visit.
INSERT INTO journeys (token, kind, journey, certainty, basis, version, ingested_at)
SELECT lower(hex(sipHash128(n, 'account'))), 'account', lower(hex(sipHash128(n))), 'certain', 'key', 1,
    fromUnixTimestamp64Milli(toInt64({now:UInt64}) - 120000, 'UTC')
FROM (SELECT number AS n FROM numbers({from:UInt64}, {count:UInt64}))
