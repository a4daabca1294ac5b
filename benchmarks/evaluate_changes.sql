-- News of {count} open instances: their journal, now.
INSERT INTO checkpoints
(
    workflow, version, step, token, token_kind, patient, at, outcome, ack_code, interface, span_id, trace_id, facility,
    tags, items, identity
)
WITH lower(hex(sipHash128(n, 'account'))) AS account
SELECT
    'discharge-to-cash', 1, 'ERP posted', account, 'account', '', now64(3, 'UTC'), 'accepted', '201', 'erp-journals',
    substring(lower(hex(sipHash128(n, {mark:String}))), 1, 16), account, 'NSH', map(), [], concat({mark:String}, toString(n))
FROM (SELECT {closed:UInt64} + intHash64(number + {from:UInt64}) % {open:UInt64} AS n FROM numbers({count:UInt64}))
