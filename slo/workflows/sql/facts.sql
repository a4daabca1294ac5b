-- Facts of the instances of {{workflow}} version {{version}}: minima over checkpoints, so that order, repetition and
-- delay of what arrived change nothing. Run by the evaluator for the journeys that changed, and without a scope as
-- the reference that judges everything. Columns as in the table instances.
WITH
    toDateTime64('2200-01-01 00:00:00', 3, 'UTC') AS never,
    mapping AS
    (
        SELECT
            token,
            argMax(key_places.journey, key_places.version) AS root,
            argMax(key_places.certainty, key_places.version) AS sure,
            argMax(key_places.basis, key_places.version) AS basis,
            argMax(key_places.eras, key_places.version) AS eras
        FROM key_places
        {{mapping_scope}}
        GROUP BY token
    ),
    events AS
    (
        SELECT
            -- A number that served several patients: the era of the message's patient, else of its time.
            arrayFirst(era -> seen.patient != '' AND era.1 = seen.patient, mapping.eras) AS of_patient,
            arraySort(era -> era.2, arrayFilter(era -> era.2 <= seen.at, mapping.eras)) AS until,
            multiIf(
                mapping.root = ''{{unsure}}, seen.token,
                empty(mapping.eras), mapping.root,
                of_patient.3 != '', of_patient.3,
                notEmpty(until), until[-1].3,
                mapping.eras[1].3) AS journey,
            mapping.sure = 'probable' AND journey != seen.token AS probable,
            seen.step AS step, seen.at AS at, seen.outcome AS outcome, seen.ack_code AS ack_code,
            seen.reason AS reason, seen.facility AS facility, seen.tags AS tags
        FROM
        (
            SELECT token, patient, step, at, outcome, ack_code, reason, facility, tags
            FROM checkpoints
            WHERE workflow = '{{workflow}}' AND version = {{version}} {{token_scope}}
        ) AS seen
        LEFT ANY JOIN mapping ON seen.token = mapping.token
    ),
    gathered AS
    (
        SELECT
            journey,
            max(probable) AS probable,
            arraySort(groupUniqArrayIf(({{start_tuple}}), step = '@start')) AS starts,
            arraySort(groupUniqArrayIf(at, step = '@cancel')) AS cancels,
            {{gathered_steps}}
        FROM events
        {{journey_scope}}
        GROUP BY journey
        HAVING notEmpty(starts)
    ),
    -- A start that follows a cancellation begins another occurrence; one that follows a start repeats it.
    marked AS
    (
        SELECT
            *,
            arraySort(arrayConcat(arrayMap(start -> (start.1, 0), starts), arrayMap(cancel -> (cancel, 1), cancels))) AS marks,
            arrayPushFront(arrayPopBack(arrayMap(mark -> mark.2, marks)), 1) AS before,
            arrayMap(mark -> mark.1, arrayFilter((mark, last) -> mark.2 = 0 AND last = 1, marks, before)) AS begins
        FROM gathered
    ),
    occurrences AS
    (
        SELECT
            *,
            started_at,
            occurrence,
            '{{calendar}}' AS calendar,
            arrayFirst(start -> start.1 = started_at, starts) AS start,
            arrayMin(arrayPushBack(arrayFilter(other -> other > started_at, begins), never)) AS until,
            arrayMin(arrayPushBack(arrayFilter(cancel -> cancel >= started_at AND cancel < until, cancels), never)) AS cancelled,
            {{first_events}}
        FROM marked
        ARRAY JOIN begins AS started_at, arrayEnumerate(begins) AS occurrence
    )
SELECT
    '{{workflow}}' AS workflow,
    toUInt32({{version}}) AS version,
    journey,
    toUInt32(occurrence) AS occurrence,
    if(probable, 'probable', 'certain') AS certainty,
    start.2 AS facility,
    occurrences.started_at AS started_at,
    cancelled AS cancelled_at,
    {{step_names}} AS step_names,
    [{{applicable}}] AS step_applicable,
    [{{deadlines}}] AS step_deadlines,
    [{{met_at}}] AS step_met_at,
    [{{failed_at}}] AS step_failed_at,
    [{{met_outcomes}}] AS met_outcomes,
    [{{met_acks}}] AS met_acks,
    [{{failed_outcomes}}] AS failed_outcomes,
    [{{failed_acks}}] AS failed_acks,
    [{{failed_reasons}}] AS failed_reasons,
    if(due_at = never, done_at, never) AS good_at,
    arrayMin(arrayPushBack(arrayMap((a, m, d) -> if(a AND m > d, d, never), step_applicable, step_met_at, step_deadlines), never)) AS due_at,
    arrayMax(arrayPushBack(arrayMap((a, m) -> if(a, m, occurrences.started_at), step_applicable, step_met_at), occurrences.started_at)) AS done_at,
    arrayMin(arrayPushBack(arrayMap((a, m, d) -> if(a AND m = never, d, never), step_applicable, step_met_at, step_deadlines), never)) AS next_due,
    arrayMin(arrayPushBack(arrayMap((a, m, f) -> if(a AND m = never, f, never), step_applicable, step_met_at, step_failed_at), never)) AS failing_at,
    arraySum(arrayMap((a, m, n) -> if(a AND m = never, bitShiftLeft(toUInt64(1), n - 1), 0), step_applicable, step_met_at, arrayEnumerate(step_met_at))) AS waiting,
    toUInt8(cancelled < never OR done_at < never) AS closed
FROM occurrences
{{shift_joins}}
