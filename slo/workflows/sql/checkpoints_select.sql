SELECT
    '{{workflow}}' AS workflow,
    toUInt32({{version}}) AS version,
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
            {{cases}}
        ]) AS steps,
        arrayMap(kind -> indexOf({{kinds}}, kind), key_kinds) AS ranks,
        arrayMin(arrayPushBack(arrayFilter(rank -> rank > 0, ranks), 255)) AS best,
        if(best = 255, trace_id, key_tokens[indexOf(ranks, best)]) AS token,
        if(best = 255, '', key_kinds[indexOf(ranks, best)]) AS token_kind,
        toDateTime64(start, 3, 'UTC') AS sent_at,
        toDateTime64(addNanoseconds(start, duration_ns), 3, 'UTC') AS acknowledged_at,
        outcome, ack_code, reason, interface, span_id, trace_id, facility, tags, measures
    FROM {{spans}}
    WHERE {{prefilter}}
)
WHERE notEmpty(steps)
