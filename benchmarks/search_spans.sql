-- Five messages of each of some journeys, as taps write them; journey n is the n-th. Every 20th journal came with
-- a propagated context, every 50th order names nobody but the patient, every tenth account number is that of the
-- journey before it under another authority. A patient has four journeys, apart from each other in time.
INSERT INTO spans_in
(
    trace_id, span_id, start, duration_ns, name, kind, status_code, service_name, scope_name, interface, source,
    destination, facility, system, message, operation, outcome, ack_code, control_id, bytes, ack_bytes,
    key_kinds, key_authorities, key_tokens, key_seals, tags, measures, attributes, resource_attributes, scope_attributes
)
WITH
    (kind, authority, value) -> substring(lower(hex(HMAC('sha256',
        concat('v1|journey|', kind, '|', authority, '|', value), unhex({site_key:String})))), 1, 32) AS token,
    if(n % 10 = 9, 'EAST', 'NSH') AS owner,
    token('visit', 'NSH', concat('V', toString(n))) AS visit,
    token('account', owner, concat('A', toString(n - (n % 10 = 9)))) AS account,
    token('order', 'NSH', concat('O', toString(n))) AS placed,
    token('claim', owner, concat('C', toString(n))) AS claim,
    token('mrn', 'NSH', concat('P', toString(n % {patients:UInt64}))) AS patient,
    hop = 1 AND n % 50 = 49 AS lonely,
    hop = 3 AND n % 20 = 19 AS propagated,
    lower(hex(sipHash128('trace', n, hop))) AS own_trace,
    multiIf(lonely, ['mrn'], hop = 1, ['visit', 'order', 'mrn'], hop = 3, ['account'], hop = 4, ['account', 'claim'],
        ['visit', 'account', 'mrn']) AS kinds,
    multiIf(lonely, [patient], hop = 1, [visit, placed, patient], hop = 3, [account], hop = 4, [account, claim],
        [visit, account, patient]) AS tokens
SELECT
    multiIf(lonely OR propagated, own_trace, tokens[1]) AS trace_id,
    leftPad(lower(hex(sipHash64('span', n, hop))), 16, '0') AS span_id,
    fromUnixTimestamp64Nano(toInt64({begin:UInt64} + intDiv(n * {lasts:UInt64}, {journeys:UInt64})
        + [0, 3600, 172800, 173400, 345600][hop + 1]) * 1000000000 + sipHash64(n, hop) % 1000000000, 'UTC') AS start,
    2000000 + sipHash64(hop, n) % 90000000 AS duration_ns,
    concat('forward ', interface) AS name,
    'Producer' AS kind, 'Unset' AS status_code, 'caretrail-tap' AS service_name, 'caretrail.tap' AS scope_name,
    ['ehr-adt', 'ehr-orders', 'billing-adt-dft', 'erp-journals', 'claims-out'][hop + 1] AS interface,
    ['ehr', 'ehr', 'engine', 'engine', 'billing'][hop + 1] AS source,
    ['engine', 'engine', 'billing', 'erp', 'clearinghouse'][hop + 1] AS destination,
    owner AS facility,
    if(hop = 3, 'http', if(hop = 4, 'x12', 'hl7v2')) AS system,
    ['ADT^A01', 'ORM^O01', 'ADT^A03', '', '837'][hop + 1] AS message,
    if(hop = 3, 'POST /journals', '') AS operation,
    'accepted' AS outcome,
    ['AA', 'AA', 'AA', '201', ''][hop + 1] AS ack_code,
    if(hop = 3, '', concat(['E', 'R', 'B', '', 'X'][hop + 1], toString(10000000000 + n))) AS control_id,
    800 + n % 700 AS bytes, 110 AS ack_bytes,
    kinds AS key_kinds,
    arrayMap(kind -> if(kind IN ('account', 'claim'), owner, 'NSH'), kinds) AS key_authorities,
    tokens AS key_tokens,
    arrayMap(token -> base64Encode(concat(unhex(token), unhex(token), unhex(token))), tokens) AS key_seals,
    if(hop IN (0, 2), map('patient_class', if(n % 3 = 0, 'I', 'O')), map()) AS tags,
    if(hop = 3, map('amount', toFloat64(n % 100000) / 10), map()) AS measures,
    if(propagated, map('journey.trace_id', account), map()) AS attributes,
    map('service.instance.id', 'tap-1', 'service.version', '1', 'caretrail.site', 'benchmark') AS resource_attributes,
    map('journey.fields', 'visit=PV1-19 account=PID-18 order=ORC-2|OBR-2 mrn=PID-3') AS scope_attributes
FROM (SELECT number AS n, hop FROM numbers({from:UInt64}, {count:UInt64}) ARRAY JOIN [0, 1, 2, 3, 4] AS hop)
