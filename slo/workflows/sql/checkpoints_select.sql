SELECT
    {{workflows}}[which] AS workflow,
    {{versions}}[which] AS version,
    {{labels}}[which] AS step,
    token,
    token_kind,
    key_tokens[indexOf(key_kinds, 'mrn')] AS patient,
    toDateTime64(addNanoseconds(start, if({{marks}}[which], 0, duration_ns)), 3, 'UTC') AS at,
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
    if({{shared}}[which], [],
        arrayDistinct(arrayFilter((t, k) -> k = {{each}}[which], key_tokens, key_kinds))) AS items,
    if(control_id = '', span_id, control_id) AS identity
FROM
(
    SELECT
        -- A bit per match: the matches that allow the value of each column, together.
        {{matches}},
        -- The first kind of the list that is there; '' when none is, because the place behind the last is empty.
        {{kinds}}[arrayMin(kind -> transform(kind, {{kinds}}, {{ranks}}, {{worst}}), key_kinds)] AS token_kind,
        start, duration_ns, key_kinds, key_tokens, control_id,
        -- Nobody could say whose it is: no key of any kind, and no trace of another message that goes on.
        empty(key_tokens) AND parent_span_id = '' AS nobodys,
        outcome, ack_code, reason, interface, span_id, trace_id, facility, tags, measures
    FROM {{spans}}
    WHERE {{any_match}}
)
ARRAY JOIN arrayConcat({{places}}) AS which
-- A batch names many journeys, and counts for each of them.
ARRAY JOIN {{token}} AS token
-- What is nobody's starts nothing: an interchange that names no claim, beside the claims in it.
WHERE ({{each}}[which] = '' OR {{shared}}[which] OR notEmpty(items)) AND NOT (nobodys AND {{labels}}[which] = '@start')
