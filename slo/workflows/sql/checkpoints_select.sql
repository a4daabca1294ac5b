SELECT
    '{{workflow}}' AS workflow,
    toUInt32({{version}}) AS version,
    {{steps}}[place + 1] AS step,
    token,
    token_kind,
    key_tokens[indexOf(key_kinds, 'mrn')] AS patient,
    toDateTime64(addNanoseconds(start, if(place < {{points}}, 0, duration_ns)), 3, 'UTC') AS at,
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
        -- A bit per step, so that a predicate is written, analysed and computed once.
        {{matches}} AS matches,
        -- The first kind of the list that is there; '' when none is, because the place behind the last is empty.
        {{kinds}}[arrayMin(kind -> transform(kind, {{kinds}}, {{ranks}}, {{worst}}), key_kinds)] AS token_kind,
        start, duration_ns, key_kinds, key_tokens,
        outcome, ack_code, reason, interface, span_id, trace_id, facility, tags, measures
    FROM {{spans}}
    WHERE matches > 0
)
ARRAY JOIN bitPositionsToArray(matches) AS place
-- A batch names many journeys, and counts for each of them.
ARRAY JOIN if(token_kind = '', [trace_id], arrayDistinct(arrayFilter((t, k) -> k = token_kind, key_tokens, key_kinds))) AS token
