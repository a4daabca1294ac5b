-- checkpoints_of_all_a37945ef8f1c: the checkpoints of every workflow version in force, a row per span and step it matches. Written by
-- activation (slo/workflows/activate.py); when a definition changes, another view takes its place.
-- A start, cancellation or end counts from when the message was sent, a step from when it was acknowledged: an
-- engine may hand on a discharge before it acknowledges it, and the step must not lie before the start for that.
CREATE MATERIALIZED VIEW IF NOT EXISTS ${view:checkpoints_of_all_a37945ef8f1c} TO checkpoints AS
SELECT
    ['discharge-to-cash'][which] AS workflow,
    CAST([1], 'Array(UInt32)')[which] AS version,
    [['@start', '@cancel', 'engine accepted', 'billing ready', 'ERP posted', 'claim submitted']][which][place + 1] AS step,
    token,
    token_kind,
    key_tokens[indexOf(key_kinds, 'mrn')] AS patient,
    toDateTime64(addNanoseconds(start, if(place < [2][which], 0, duration_ns)), 3, 'UTC') AS at,
    outcome,
    ack_code,
    reason,
    interface,
    span_id,
    trace_id,
    facility,
    tags,
    measures,
    -- Which items the message is about, by all their numbers; nothing where it counts for every item.
    if(bitTest(CAST([0], 'Array(UInt64)')[which], place), [],
        arrayDistinct(arrayFilter((t, k) -> k = [''][which], key_tokens, key_kinds))) AS items,
    if(control_id = '', span_id, control_id) AS identity
FROM
(
    SELECT
        -- A bit per match of a workflow, so that a predicate is written, analysed and computed once.
        toUInt64(interface = 'ehr-adt' AND message = 'ADT^A03') * 1
        + toUInt64(interface = 'ehr-adt' AND message = 'ADT^A13') * 2
        + toUInt64(interface = 'ehr-adt' AND destination = 'engine' AND message = 'ADT^A03' AND outcome IN ('accepted', 'rejected', 'error')) * 4
        + toUInt64(destination = 'billing' AND message = 'DFT^P03' AND outcome IN ('accepted', 'rejected', 'error')) * 8
        + toUInt64(destination = 'erp' AND operation = 'POST /journals' AND outcome IN ('accepted', 'rejected', 'error')) * 16
        + toUInt64(destination = 'clearinghouse' AND message = '837' AND outcome IN ('accepted', 'none', 'rejected', 'error')) * 32 AS mask1,
        -- The first kind of the list that is there; '' when none is, because the place behind the last is empty.
        ['visit', 'account', 'order', 'claim', 'case', 'purchase_order', 'journal', 'remittance', 'requisition', 'appointment', 'charge', 'invoice', 'shipment', 'document', 'inquiry'][arrayMin(kind -> transform(kind, ['visit', 'account', 'order', 'claim', 'case', 'purchase_order', 'journal', 'remittance', 'requisition', 'appointment', 'charge', 'invoice', 'shipment', 'document', 'inquiry'], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], 16), key_kinds)] AS token_kind,
        start, duration_ns, key_kinds, key_tokens, control_id,
        outcome, ack_code, reason, interface, span_id, trace_id, facility, tags, measures
    FROM ${local:spans}
    WHERE mask1 != 0
)
ARRAY JOIN arrayFilter(n -> [mask1][n] != 0, [1]) AS which
ARRAY JOIN bitPositionsToArray([mask1][which]) AS place
-- A batch names many journeys, and counts for each of them.
ARRAY JOIN if(token_kind = '', [trace_id], arrayDistinct(arrayFilter((t, k) -> k = token_kind, key_tokens, key_kinds))) AS token
WHERE [''][which] = '' OR bitTest(CAST([0], 'Array(UInt64)')[which], place) OR notEmpty(items);
