-- Facts of the instances of {{workflow}} version {{version}}: minima over checkpoints, so that order, repetition and
-- delay of what arrived change nothing. Run by the evaluator for the journeys that changed, and without a scope as
-- the reference that judges everything. Columns as in the table instances.
WITH
    toDateTime64('2200-01-01 00:00:00', 3, 'UTC') AS never,
    {{mapping}},
    placed AS
    (
        SELECT
            {{journey_of}},
            seen.step AS step, seen.at AS at, seen.outcome AS outcome, seen.ack_code AS ack_code,
            seen.reason AS reason, seen.identity AS identity, seen.items AS items, seen.facility AS facility,
            seen.tags AS tags
        FROM
        (
            -- By the collector's clock: what the tap's own is ahead of it is taken off.
            SELECT
                token, patient, step, {{at}} AS at, outcome, ack_code, reason,
                identity, items, facility, tags
            FROM
            (
                SELECT *, checkpoints.at AS seen_at FROM {{checkpoints}} AS checkpoints
                WHERE workflow = '{{workflow}}' AND version = {{version}} {{token_scope}}
            ) AS noted
            {{clock_join}}
        ) AS seen
        LEFT ANY JOIN mapping ON seen.token = mapping.token
        {{journey_scope}}
    ),
    {{items}}
    gathered AS
    (
        SELECT
            journey,
            item,
            max(probable) AS probable,
            arraySort(groupUniqArrayIf(({{start_tuple}}), step = '@start')) AS starts,
            arraySort(groupUniqArrayIf(at, step = '@cancel')) AS cancels,
            arraySort(groupUniqArrayIf(at, step = '@end')) AS ends,
            {{gathered}}
        FROM events
        GROUP BY journey, item
        HAVING notEmpty(starts)
    ),
    -- A start that follows a cancellation or an end begins another occurrence; one that follows a start repeats it.
    -- A level for each thing that is used more than once: what a level computes is a column for the next, and the
    -- analysis of a query that repeats its expressions takes many times as long as the query.
    marked AS
    (
        SELECT
            *,
            arrayMap(mark -> mark.1, arrayFilter((mark, last) -> mark.2 = 0 AND last = 1, marks,
                arrayPushFront(arrayPopBack(arrayMap(mark -> mark.2, marks)), 1))) AS begins
        FROM
        (
            SELECT
                *,
                arraySort(arrayConcat(arrayMap(start -> (start.1, 0), starts),
                    arrayMap(over -> (over, 1), arrayConcat(cancels, ends)))) AS marks
            FROM gathered
        )
    ),
    occurrences AS
    (
        SELECT
            *,
            start.2 AS facility,
            arrayMin(arrayPushBack(arrayFilter(over -> over >= started_at AND over < until, cancels), never)) AS cancelled,
            arrayMin(arrayPushBack(arrayFilter(over -> over >= started_at AND over < until, ends), never)) AS ended,
            {{first_events}}
        FROM
        (
            SELECT
                *,
                started_at,
                occurrence,
                arrayFirst(start -> start.1 = started_at, starts) AS start,
                arrayMin(arrayPushBack(arrayFilter(other -> other > started_at, begins), never)) AS until
            FROM marked
            ARRAY JOIN begins AS started_at, arrayEnumerate(begins) AS occurrence
            WHERE started_at >= {{since}} AND started_at < {{until}}
        )
    ),
    -- Of step n: a applies, r required, b what its time begins with, m met at, f failed at; d whether it waits for
    -- something optional that has not happened.
    judged AS
    (
        {{judged}}
    ),
    listed_steps AS
    (
        SELECT
            journey, item, occurrence, probable, facility, judged.started_at AS started_at, cancelled, ended,
            [{{applicable}}] AS step_applicable,
            [{{required}}] AS step_required,
            [{{bases}}] AS step_bases,
            [{{deadlines}}] AS step_deadlines,
            [{{met_at}}] AS step_met_at,
            [{{failed_at}}] AS step_failed_at,
            [{{met_outcomes}}] AS met_outcomes,
            [{{met_acks}}] AS met_acks,
            [{{failed_outcomes}}] AS failed_outcomes,
            [{{failed_acks}}] AS failed_acks,
            [{{failed_reasons}}] AS failed_reasons
        FROM judged
        {{piece_joins}}
    )
SELECT
    '{{workflow}}' AS workflow,
    toUInt32({{version}}) AS version,
    journey,
    item,
    toUInt32(occurrence) AS occurrence,
    if(probable, 'probable', 'certain') AS certainty,
    facility,
    started_at,
    cancelled AS cancelled_at,
    ended AS ended_at,
    {{step_names}} AS step_names,
    step_applicable,
    step_required,
    step_bases,
    step_deadlines,
    step_met_at,
    step_failed_at,
    met_outcomes,
    met_acks,
    failed_outcomes,
    failed_acks,
    failed_reasons,
    if(due_at = never, done_at, never) AS good_at,
    due_at,
    done_at,
    arrayMin(arrayPushBack(arrayMap((r, m, d) -> if(r AND m = never, d, never), step_required, step_met_at, step_deadlines), never)) AS next_due,
    arrayMin(arrayPushBack(arrayMap((r, m, f) -> if(r AND m = never, f, never), step_required, step_met_at, step_failed_at), never)) AS failing_at,
    arraySum(arrayMap((r, m, n) -> if(r AND m = never, bitShiftLeft(toUInt64(1), n - 1), 0), step_required, step_met_at, arrayEnumerate(step_met_at))) AS waiting,
    toUInt8(cancelled < never OR done_at < never) AS closed
FROM
(
    SELECT
        *,
        arrayMin(arrayPushBack(arrayMap((r, m, d) -> if(r AND m > d, d, never), step_required, step_met_at, step_deadlines), never)) AS due_at,
        arrayMax(arrayPushBack(arrayMap((r, m) -> if(r, m, started_at), step_required, step_met_at), started_at)) AS done_at
    FROM listed_steps
)
-- Looks for chains of comparisons to add to a condition: here it finds none, and takes three quarters of the time.
SETTINGS optimize_and_compare_chain = 0
