-- The checkpoints of the same instances: discharge and charge hang on the visit, journal and claim on the account.
INSERT INTO checkpoints
(
    workflow, version, step, token, token_kind, patient, at, outcome, ack_code, interface, span_id, trace_id, facility,
    tags, items, identity, ingested_at
)
WITH
    n < {closed:UInt64} AS over,
    (intHash64(n + 7) % 1000000007) / 1000000007 AS share,
    fromUnixTimestamp64Milli(toInt64({now:UInt64} - if(over, 432000000 + share * 31104000000, share * 324000000)), 'UTC') AS began,
    fromUnixTimestamp64Milli(toInt64({now:UInt64}), 'UTC') AS moment,
    lower(hex(sipHash128(n))) AS visit,
    lower(hex(sipHash128(n, 'account'))) AS account
SELECT
    'discharge-to-cash', 1, seen.1, if(seen.3, visit, account), if(seen.3, 'visit', 'account'), '', addSeconds(began, seen.2) AS at,
    if(seen.1 = 'ERP posted' AND NOT over AND n % 200 = 2, 'rejected', 'accepted'), 'AA', 'ehr-adt',
    substring(lower(hex(sipHash128(n, seen.1))), 1, 16), if(seen.3, visit, account), 'NSH', map('patient_class', 'I'), [],
    toString(n), least(at, moment - 120)
FROM (SELECT number AS n FROM numbers({from:UInt64}, {count:UInt64}))
ARRAY JOIN [
    ('@start', 0, 1), ('engine accepted', 1, 1), ('billing ready', 100 + intHash32(n) % 500, 1),
    ('ERP posted', 900 + intHash32(n + 1) % 1800 + if(n % 50 = 0, 3000, 0), 0),
    ('claim submitted', 40000 + intHash32(n + 2) % 200000, 0)] AS seen
WHERE over OR (seen.1 != 'claim submitted' AND at <= moment AND (seen.1 != 'ERP posted' OR n % 200 > 1))
