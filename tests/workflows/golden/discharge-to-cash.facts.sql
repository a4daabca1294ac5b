-- Facts of the instances of discharge-to-cash version 1: minima over checkpoints, so that order, repetition and
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
        WHERE token IN (SELECT token FROM journey_members WHERE journey IN {journeys:Array(String)} UNION ALL SELECT arrayJoin({journeys:Array(String)}))
        GROUP BY token
    ),
    placed AS
    (
        SELECT
            arrayFirst(era -> seen.patient != '' AND era.1 = seen.patient, mapping.eras) AS of_patient,
            arraySort(era -> era.2, arrayFilter(era -> era.2 <= seen.at, mapping.eras)) AS until,
            multiIf(
                mapping.root = '' OR mapping.basis = 'patient', seen.token,
                empty(mapping.eras), mapping.root,
                of_patient.3 != '', of_patient.3,
                notEmpty(until), until[-1].3,
                mapping.eras[1].3) AS journey,
            mapping.sure = 'probable' AND journey != seen.token AS probable,
            seen.step AS step, seen.at AS at, seen.outcome AS outcome, seen.ack_code AS ack_code,
            seen.reason AS reason, seen.identity AS identity, seen.items AS items, seen.facility AS facility,
            seen.tags AS tags
        FROM
        (
            -- By the collector's clock: what the tap's own is ahead of it is taken off.
            SELECT
                token, patient, step, subtractMilliseconds(seen_at, clock.ahead_ms) AS at, outcome, ack_code, reason,
                identity, items, facility, tags
            FROM
            (
                SELECT *, checkpoints.at AS seen_at FROM checkpoints AS checkpoints
                WHERE workflow = 'discharge-to-cash' AND version = 1 AND token IN (SELECT token FROM journey_members WHERE journey IN {journeys:Array(String)} UNION ALL SELECT arrayJoin({journeys:Array(String)}))
            ) AS noted
            ASOF LEFT JOIN clock_corrections AS clock ON noted.interface = clock.interface AND noted.seen_at >= clock.since
        ) AS seen
        LEFT ANY JOIN mapping ON seen.token = mapping.token
        WHERE journey IN {journeys:Array(String)}
    ),
    events AS (SELECT *, '' AS item FROM placed),
    gathered AS
    (
        SELECT
            journey,
            item,
            max(probable) AS probable,
            arraySort(groupUniqArrayIf((at, facility, tags['patient_class']), step = '@start')) AS starts,
            arraySort(groupUniqArrayIf(at, step = '@cancel')) AS cancels,
            arraySort(groupUniqArrayIf(at, step = '@end')) AS ends,
            arraySort(groupUniqArrayIf((at, outcome, ack_code, reason, identity), (step = 'engine accepted' AND outcome = 'accepted'))) AS met_1,
            arraySort(groupUniqArrayIf((at, outcome, ack_code, reason, identity), (step = 'engine accepted' AND outcome IN ('rejected', 'error')))) AS failed_1,
            arraySort(groupUniqArrayIf((at, outcome, ack_code, reason, identity), (step = 'billing ready' AND outcome = 'accepted'))) AS met_2,
            arraySort(groupUniqArrayIf((at, outcome, ack_code, reason, identity), (step = 'billing ready' AND outcome IN ('rejected', 'error')))) AS failed_2,
            arraySort(groupUniqArrayIf((at, outcome, ack_code, reason, identity), (step = 'ERP posted' AND outcome = 'accepted'))) AS met_3,
            arraySort(groupUniqArrayIf((at, outcome, ack_code, reason, identity), (step = 'ERP posted' AND outcome IN ('rejected', 'error')))) AS failed_3,
            arraySort(groupUniqArrayIf((at, outcome, ack_code, reason, identity), (step = 'claim submitted' AND outcome IN ('accepted', 'none')))) AS met_4,
            arraySort(groupUniqArrayIf((at, outcome, ack_code, reason, identity), (step = 'claim submitted' AND outcome IN ('rejected', 'error')))) AS failed_4,
            arraySort(groupUniqArrayIf((at, tags['patient_class']), tags['patient_class'] != '')) AS said_1
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
            arrayFirst(event -> event.1 >= started_at AND event.1 < until, met_1) AS met1,
            arrayFirst(event -> event.1 >= started_at AND event.1 < until, failed_1) AS failed1,
            arrayFirst(event -> event.1 >= started_at AND event.1 < until, met_2) AS met2,
            arrayFirst(event -> event.1 >= started_at AND event.1 < until, failed_2) AS failed2,
            arrayFirst(event -> event.1 >= started_at AND event.1 < until, met_3) AS met3,
            arrayFirst(event -> event.1 >= started_at AND event.1 < until, failed_3) AS failed3,
            arrayFirst(event -> event.1 >= started_at AND event.1 < until, met_4) AS met4,
            arrayFirst(event -> event.1 >= started_at AND event.1 < until, failed_4) AS failed4,
            if(start.3 != '', start.3, arrayFirst(event -> event.1 >= started_at AND event.1 < until, said_1).2) AS tag1
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
            WHERE started_at >= toDateTime64('1970-01-01 00:00:00.000', 3, 'UTC') AND started_at < toDateTime64('2200-01-01 00:00:00.000', 3, 'UTC')
        )
    ),
    -- Of step n: a applies, r required, b what its time begins with, m met at, f failed at; d whether it waits for
    -- something optional that has not happened.
    judged AS
    (
        SELECT *, toUInt8(0) AS d1, started_at AS b1, w1 AS a1, w1 AS r1, toUInt8(0) AS d2, started_at AS b2, w2 AS a2, w2 AS r2, toUInt8(0) AS d3, started_at AS b3, w3 AS a3, w3 AS r3, toUInt8(0) AS d4, started_at AS b4, w4 AS a4, w4 AS r4 FROM (SELECT *, toUInt8(1) AS w1, if(met1.1 < started_at, never, met1.1) AS m1, if(failed1.1 < started_at, never, failed1.1) AS f1, toUInt8(1) AS w2, if(met2.1 < started_at, never, met2.1) AS m2, if(failed2.1 < started_at, never, failed2.1) AS f2, toUInt8(1) AS w3, if(met3.1 < started_at, never, met3.1) AS m3, if(failed3.1 < started_at, never, failed3.1) AS f3, toUInt8(tag1 IN ('', 'I', 'O')) AS w4, if(met4.1 < started_at, never, met4.1) AS m4, if(failed4.1 < started_at, never, failed4.1) AS f4, 'us-business@62f08aaa6db2e8a3|3 business days' AS rule4 FROM occurrences)
    ),
    listed_steps AS
    (
        SELECT
            journey, item, occurrence, probable, facility, judged.started_at AS started_at, cancelled, ended,
            [toUInt8(a1), toUInt8(a2), toUInt8(a3), toUInt8(a4)] AS step_applicable,
            [toUInt8(r1), toUInt8(r2), toUInt8(r3), toUInt8(r4)] AS step_required,
            [b1, b2, b3, b4] AS step_bases,
            [least(ended, if(b1 = never, never, addMilliseconds(b1, 60000))), least(ended, if(b2 = never, never, addMilliseconds(b2, 900000))), least(ended, if(b3 = never, never, addMilliseconds(b3, 3600000))), least(ended, if(b4 = never, never, if(piece4.at > toDateTime64(0, 3, 'UTC'), piece4.at, addMilliseconds(b4, piece4.shift_ms))))] AS step_deadlines,
            [m1, m2, m3, m4] AS step_met_at,
            [f1, f2, f3, f4] AS step_failed_at,
            [met1.2, met2.2, met3.2, met4.2] AS met_outcomes,
            [met1.3, met2.3, met3.3, met4.3] AS met_acks,
            [failed1.2, failed2.2, failed3.2, failed4.2] AS failed_outcomes,
            [failed1.3, failed2.3, failed3.3, failed4.3] AS failed_acks,
            [failed1.4, failed2.4, failed3.4, failed4.4] AS failed_reasons
        FROM judged
        ASOF LEFT JOIN (SELECT rule, since, shift_ms, at FROM deadline_pieces WHERE rule = 'us-business@62f08aaa6db2e8a3|3 business days') AS piece4 ON judged.rule4 = piece4.rule AND judged.b4 >= piece4.since
    )
SELECT
    'discharge-to-cash' AS workflow,
    toUInt32(1) AS version,
    journey,
    item,
    toUInt32(occurrence) AS occurrence,
    if(probable, 'probable', 'certain') AS certainty,
    facility,
    started_at,
    cancelled AS cancelled_at,
    ended AS ended_at,
    ['engine accepted', 'billing ready', 'ERP posted', 'claim submitted'] AS step_names,
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
