SELECT
    {{workflows}}[which] AS workflow,
    {{versions}}[which] AS version,
    {{labels}}[which][place + 1] AS step,
    token,
    token_kind,
    key_tokens[indexOf(key_kinds, 'mrn')] AS patient,
    toDateTime64(addNanoseconds(start, if(place < {{points}}[which], 0, duration_ns)), 3, 'UTC') AS at,
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
    if(bitTest({{shared}}[which], place), [],
        arrayDistinct(arrayFilter((t, k) -> k = {{each}}[which], key_tokens, key_kinds))) AS items,
    if(control_id = '', span_id, control_id) AS identity
FROM
(
    SELECT
        -- A bit per match of a workflow, so that a predicate is written, analysed and computed once.
        {{matches}},
        -- The first kind of the list that is there; '' when none is, because the place behind the last is empty.
        {{kinds}}[arrayMin(kind -> transform(kind, {{kinds}}, {{ranks}}, {{worst}}), key_kinds)] AS token_kind,
        start, duration_ns, key_kinds, key_tokens, control_id,
        outcome, ack_code, reason, interface, span_id, trace_id, facility, tags, measures
    FROM {{spans}}
    WHERE {{any_match}}
)
ARRAY JOIN arrayFilter(n -> {{masks}}[n] != 0, {{places}}) AS which
ARRAY JOIN bitPositionsToArray({{masks}}[which]) AS place
-- A batch names many journeys, and counts for each of them.
ARRAY JOIN if(token_kind = '', [trace_id], arrayDistinct(arrayFilter((t, k) -> k = token_kind, key_tokens, key_kinds))) AS token
WHERE {{each}}[which] = '' OR bitTest({{shared}}[which], place) OR notEmpty(items)
