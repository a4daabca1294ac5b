-- The events of some days. A message belongs to the journey of its best key, as a checkpoint does; a message sent
-- twice is told apart later, by its identity. Unanswered and refused messages are events that did not succeed.
INSERT INTO {{table}} (journey, at, took_ms, activity, good, kind, identity, span_id, facility, tags, item_kinds, item_tokens)
WITH
    mapping AS
    (
        SELECT
            token,
            argMax(key_places.journey, key_places.version) AS root,
            argMax(key_places.basis, key_places.version) AS basis,
            argMax(key_places.eras, key_places.version) AS eras
        FROM key_places
        WHERE token IN (SELECT token FROM seen)
        GROUP BY token
    ),
    seen AS
    (
        SELECT
            start, duration_ns, outcome, interface, span_id, facility, tags, token_kind, control_id, key_kinds, key_tokens,
            if(message != '', message, operation) AS what,
            key_tokens[indexOf(key_kinds, 'mrn')] AS patient,
            arrayJoin(if(token_kind = '', [trace_id],
                arrayDistinct(arrayFilter((t, k) -> k = token_kind, key_tokens, key_kinds)))) AS token
        FROM
        (
            SELECT
                *,
                {kinds:Array(String)}[arrayMin(kind -> transform(kind, {kinds:Array(String)},
                    arrayEnumerate({kinds:Array(String)}), length({kinds:Array(String)}) + 1), key_kinds)] AS token_kind
            FROM spans
            WHERE toDate(start) >= {first:Date} AND toDate(start) <= {last:Date} AND interface != ''
        )
        WHERE what != ''
    )
SELECT
    multiIf(
        mapping.root = '' OR mapping.basis = 'patient', seen.token,
        empty(mapping.eras), mapping.root,
        arrayFirst(era -> patient != '' AND era.1 = patient, mapping.eras).3 != '',
            arrayFirst(era -> patient != '' AND era.1 = patient, mapping.eras).3,
        notEmpty(arrayFilter(era -> era.2 <= start, mapping.eras)),
            arraySort(era -> era.2, arrayFilter(era -> era.2 <= start, mapping.eras))[-1].3,
        mapping.eras[1].3) AS journey,
    toDateTime64(start, 3, 'UTC'),
    toUInt32(least(intDiv(duration_ns, 1000000), 4000000000)),
    concat(what, '@', interface),
    outcome IN ('accepted', 'none'),
    token_kind,
    if(control_id = '', span_id, control_id),
    span_id,
    facility,
    tags,
    arrayFilter(kind -> has({items:Array(String)}, kind), key_kinds),
    arrayFilter((token, kind) -> has({items:Array(String)}, kind), key_tokens, key_kinds)
FROM seen
LEFT ANY JOIN mapping ON seen.token = mapping.token
