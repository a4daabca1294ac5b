-- checkpoints_of_discharge_to_cash_v1: the checkpoints of discharge-to-cash version 1, a row per span and step it matches.
-- Written by activation (slo/workflows/activate.py); a version has its view, the one before is dropped.
-- A start or cancellation counts from when the message was sent, a step from when it was acknowledged: an engine
-- may hand on a discharge before it acknowledges it, and the step must not lie before the start for that.
CREATE MATERIALIZED VIEW IF NOT EXISTS ${view:checkpoints_of_discharge_to_cash_v1} TO checkpoints AS
SELECT
    'discharge-to-cash' AS workflow,
    toUInt32(1) AS version,
    arrayJoin(steps) AS step,
    token,
    token_kind,
    if(step IN ('@start', '@cancel'), sent_at, acknowledged_at) AS at,
    outcome,
    ack_code,
    reason,
    interface,
    span_id,
    trace_id,
    facility,
    tags,
    measures
FROM
(
    SELECT
        arrayFilter(step -> step != '', [
            if(interface IN ('ehr-adt') AND message IN ('ADT^A03'), '@start', ''),
            if(interface IN ('ehr-adt') AND message IN ('ADT^A13'), '@cancel', ''),
            if(interface IN ('ehr-adt') AND destination IN ('engine') AND message IN ('ADT^A03') AND outcome IN ('accepted', 'rejected', 'error'), 'engine accepted', ''),
            if(destination IN ('billing') AND message IN ('DFT^P03') AND outcome IN ('accepted', 'rejected', 'error'), 'billing ready', ''),
            if(destination IN ('erp') AND operation IN ('POST /journals') AND outcome IN ('accepted', 'rejected', 'error'), 'ERP posted', ''),
            if(destination IN ('clearinghouse') AND message IN ('837') AND outcome IN ('accepted', 'none', 'rejected', 'error'), 'claim submitted', '')
        ]) AS steps,
        arrayMap(kind -> indexOf(['visit', 'account', 'order', 'claim', 'case', 'purchase_order', 'journal', 'remittance'], kind), key_kinds) AS ranks,
        arrayMin(arrayPushBack(arrayFilter(rank -> rank > 0, ranks), 255)) AS best,
        if(best = 255, trace_id, key_tokens[indexOf(ranks, best)]) AS token,
        if(best = 255, '', key_kinds[indexOf(ranks, best)]) AS token_kind,
        toDateTime64(start, 3, 'UTC') AS sent_at,
        toDateTime64(addNanoseconds(start, duration_ns), 3, 'UTC') AS acknowledged_at,
        outcome, ack_code, reason, interface, span_id, trace_id, facility, tags, measures
    FROM ${local:spans}
    WHERE (interface IN ('ehr-adt') AND message IN ('ADT^A03')) OR (interface IN ('ehr-adt') AND message IN ('ADT^A13')) OR (interface IN ('ehr-adt') AND destination IN ('engine') AND message IN ('ADT^A03') AND outcome IN ('accepted', 'rejected', 'error')) OR (destination IN ('billing') AND message IN ('DFT^P03') AND outcome IN ('accepted', 'rejected', 'error')) OR (destination IN ('erp') AND operation IN ('POST /journals') AND outcome IN ('accepted', 'rejected', 'error')) OR (destination IN ('clearinghouse') AND message IN ('837') AND outcome IN ('accepted', 'none', 'rejected', 'error'))
)
WHERE notEmpty(steps);
