-- Four messages of each of some discharges over a month, as taps write them, each with its visit: the discharge, the
-- charge after about three minutes, the journal after about twenty, the claim after a day. One in fifty is never
-- charged, one in forty is charged late, one in a hundred is charged twice; recurring patients have no claim.
INSERT INTO spans
(
    trace_id, span_id, start, duration_ns, name, kind, service_name, scope_name, interface, source, destination,
    facility, system, message, operation, outcome, control_id, key_kinds, key_tokens, tags, measures
)
WITH lower(hex(sipHash128('visit', n))) AS visit
SELECT
    visit AS trace_id,
    lower(hex(sipHash64('span', n, hop))) AS span_id,
    toDateTime64({begin:DateTime64(3, 'UTC')}, 9, 'UTC') + toIntervalMillisecond(intDiv(n * {seconds:UInt64} * 1000, {journeys:UInt64})
        + multiIf(hop = 0, 0, hop = 1 AND n % 40 = 7, 1800000, hop = 1, 120000 + n % 120000, hop = 2, 1000000 + n % 600000,
            hop = 3, 86000000 + n % 900000, 400000)) AS start,
    2000000 + sipHash64(hop, n) % 90000000 AS duration_ns,
    'forward' AS name, 'Producer' AS kind, 'caretrail-tap' AS service_name, 'caretrail.tap' AS scope_name,
    ['ehr-adt', 'billing-adt-dft', 'erp-journals', 'claims-out', 'billing-adt-dft'][hop + 1] AS interface,
    ['ehr', 'engine', 'engine', 'billing', 'engine'][hop + 1] AS source,
    ['engine', 'billing', 'erp', 'clearinghouse', 'billing'][hop + 1] AS destination,
    if(n % 3 = 0, 'NSH-NORTH', 'NSH') AS facility,
    'hl7v2' AS system,
    ['ADT^A03', 'DFT^P03', '', '837', 'DFT^P03'][hop + 1] AS message,
    if(hop = 2, 'POST /journals', '') AS operation,
    'accepted' AS outcome,
    concat('C', toString(n), '-', toString(hop)) AS control_id,
    ['visit'] AS key_kinds, [visit] AS key_tokens,
    if(hop = 0, map('patient_class', if(n % 5 = 0, 'R', 'I')), map()) AS tags,
    if(hop IN (1, 2, 4), map('amount', toFloat64(n % 100000) / 10), map()) AS measures
FROM
(
    SELECT number AS n, arrayJoin([0, 1, 2, 3, 4]) AS hop FROM numbers({from:UInt64}, {count:UInt64})
)
WHERE NOT (hop = 1 AND n % 50 = 3) AND NOT (hop = 3 AND n % 5 = 0) AND NOT (hop = 4 AND n % 100 != 11)
