-- checkpoints_of_all_295d4b1e7409: the checkpoints of every workflow version in force, a row per span and step it matches. Written by
-- activation (slo/workflows/activate.py); when a definition changes, another view takes its place.
-- A start, cancellation or end counts from when the message was sent, a step from when it was acknowledged: an
-- engine may hand on a discharge before it acknowledges it, and the step must not lie before the start for that.
CREATE MATERIALIZED VIEW IF NOT EXISTS ${view:checkpoints_of_all_295d4b1e7409} TO checkpoints AS
SELECT
    ['every-word', 'every-word', 'every-word', 'every-word', 'every-word', 'every-word', 'every-word', 'every-word', 'every-word', 'every-word', 'every-word'][which] AS workflow,
    CAST([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], 'Array(UInt32)')[which] AS version,
    ['@start', '@cancel', '@end', 'lab accepted', 'resulted', 'resulted|2', 'repeated', 'repeat charged', 'two copies', 'charged', 'no bill before the result'][which] AS step,
    token,
    token_kind,
    key_tokens[indexOf(key_kinds, 'mrn')] AS patient,
    toDateTime64(addNanoseconds(start, if([1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0][which], 0, duration_ns)), 3, 'UTC') AS at,
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
    if([0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0][which], [],
        arrayDistinct(arrayFilter((t, k) -> k = ['order', 'order', 'order', 'order', 'order', 'order', 'order', 'order', 'order', 'order', 'order'][which], key_tokens, key_kinds))) AS items,
    if(control_id = '', span_id, control_id) AS identity
FROM
(
    SELECT
        -- A bit per match: the matches that allow the value of each column, together.
        bitAnd(bitAnd(bitAnd(bitAnd(bitAnd(bitAnd(bitAnd(bitAnd(transform(interface, ['orders'], CAST([2047], 'Array(UInt64)'), toUInt64(2044)),
            transform(source, ['lab'], CAST([2047], 'Array(UInt64)'), toUInt64(1967))),
            transform(destination, ['archive', 'billing', 'ehr', 'lab'], CAST([371, 1779, 119, 123], 'Array(UInt64)'), toUInt64(115))),
            transform(message, ['DFT^P03', 'DISCHARGE', 'OML^O21', 'ORM^CA', 'ORM^O01', 'ORU^R01', 'REPEAT'], CAST([1952, 292, 289, 290, 297, 304, 352], 'Array(UInt64)'), toUInt64(288))),
            transform(operation, ['POST /results'], CAST([2047], 'Array(UInt64)'), toUInt64(2015))),
            transform(outcome, ['accepted', 'error', 'none', 'rejected', 'timeout'], CAST([2047, 2047, 1999, 2047, 39], 'Array(UInt64)'), toUInt64(7))),
            transform(tags['kind'], ['repeat'], CAST([2047], 'Array(UInt64)'), toUInt64(1919))),
            transform(tags['status'], ['final'], CAST([2047], 'Array(UInt64)'), toUInt64(2015))),
            bitOr(transform(source, ['lab'], CAST([2047], 'Array(UInt64)'), toUInt64(2015)), transform(destination, ['lab'], CAST([32], 'Array(UInt64)'), toUInt64(0)))) AS word0,
        -- The first kind of the list that is there; '' when none is, because the place behind the last is empty.
        ['visit', 'account', 'order', 'claim', 'case', 'purchase_order', 'journal', 'remittance', 'requisition', 'appointment', 'charge', 'invoice', 'shipment', 'document', 'inquiry'][arrayMin(kind -> transform(kind, ['visit', 'account', 'order', 'claim', 'case', 'purchase_order', 'journal', 'remittance', 'requisition', 'appointment', 'charge', 'invoice', 'shipment', 'document', 'inquiry'], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], 16), key_kinds)] AS token_kind,
        start, duration_ns, key_kinds, key_tokens, control_id,
        -- Nobody could say whose it is: no key of any kind, and no trace of another message that goes on.
        empty(key_tokens) AND parent_span_id = '' AS nobodys,
        outcome, ack_code, reason, interface, span_id, trace_id, facility, tags, measures
    FROM ${local:spans}
    WHERE word0 != 0
)
ARRAY JOIN arrayConcat(arrayMap(place -> place + 1, bitPositionsToArray(word0))) AS which
-- A batch names many journeys, and counts for each of them.
ARRAY JOIN if(token_kind = '', [trace_id], arrayDistinct(arrayFilter((t, k) -> k = token_kind, key_tokens, key_kinds))) AS token
-- What is nobody's starts nothing: an interchange that names no claim, beside the claims in it.
WHERE (['order', 'order', 'order', 'order', 'order', 'order', 'order', 'order', 'order', 'order', 'order'][which] = '' OR [0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0][which] OR notEmpty(items)) AND NOT (nobodys AND ['@start', '@cancel', '@end', 'lab accepted', 'resulted', 'resulted|2', 'repeated', 'repeat charged', 'two copies', 'charged', 'no bill before the result'][which] = '@start');
