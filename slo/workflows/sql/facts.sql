-- Facts of the instances of {{of}}: minima over checkpoints, so that order, repetition and delay of what arrived
-- change nothing. Run by the evaluator for the journeys that changed, and without a scope as the reference that
-- judges everything. Columns as in the table instances.
-- Steps are numbers in arrays and what a version says of them is a row of `rules`, so the text does not grow with
-- steps and versions: reading it takes the engine longer than reading some journeys.
WITH
    toDateTime64('2200-01-01 00:00:00', 3, 'UTC') AS never,
    -- A row a kind of checkpoint: the step it is of (0: none), outcomes that meet and that fail it, tags to keep.
    heard AS
    (
        SELECT * FROM format(Values,
            'workflow String, version UInt32, step String, n UInt8, good Array(String), bad Array(String), asked Array(String), strict UInt8',
            {{heard}})
    ),
    -- A row a version. By step: names, counts, optional, waits (steps its time begins with), targets (the step it must
    -- not precede, or 0), whens (number of a tag, 0 for the facility, and values). By facility, the usual first, and
    -- step: shifts (milliseconds, or -1), timed (deadlines a calendar decides), skips. slots: steps with a calendar.
    rules AS
    (
        SELECT * FROM format(Values,
            'workflow String, version UInt32, since DateTime64(3, \'UTC\'), before DateTime64(3, \'UTC\'), rule Tuple(names Array(String), counts Array(UInt16), optional Array(UInt8), waits Array(Array(UInt8)), targets Array(UInt8), whens Array(Array(Tuple(UInt8, Array(String)))), facilities Array(String), shifts Array(Array(Int64)), timed Array(Array(String)), skips Array(Array(UInt8)), slots Array(UInt8), generations UInt8)',
            {{rules}})
    ),
    {{mapping}},
    placed AS
    (
        SELECT
            {{journey_of}},
            seen.workflow AS workflow, seen.version AS version, seen.step AS step, seen.at AS at, seen.outcome AS outcome,
            seen.ack_code AS ack_code, seen.reason AS reason, seen.identity AS identity, seen.items AS items,
            seen.facility AS facility, seen.n AS n, has(seen.good, seen.outcome) AS meets, has(seen.bad, seen.outcome) AS fails,
            arrayMap(tag -> seen.tags[tag], seen.asked) AS told
        FROM
        (
            -- By the collector's clock: what the tap's own is ahead of it is taken off.
            SELECT
                noted.workflow AS workflow, noted.version AS version, token, patient, noted.step AS step, {{at}} AS at,
                outcome, ack_code, reason, identity, items, facility, tags, n, good, bad, asked, strict
            FROM
            (
                SELECT *, checkpoints.at AS seen_at FROM {{checkpoints}} AS checkpoints
                WHERE (workflow, version) IN ({{versions}}) {{token_scope}}{{of_batches}}
            ) AS noted
            INNER JOIN heard
                ON noted.workflow = heard.workflow AND noted.version = heard.version AND noted.step = heard.step
            {{clock_join}}
        ) AS seen
        LEFT ANY JOIN mapping ON seen.token = mapping.token
        {{journey_scope}}
    ),
    {{items}}
    gathered AS
    (
        SELECT
            workflow,
            version,
            journey,
            item,
            max(probable) AS probable,
            arraySort(groupUniqArrayIf((at, facility, told), step = '@start')) AS starts,
            arraySort(groupUniqArrayIf(at, step = '@cancel')) AS cancels,
            arraySort(groupUniqArrayIf(at, step = '@end')) AS ends,
            arraySort(groupUniqArrayIf((n, at, outcome, ack_code, reason, identity), meets)) AS met,
            arraySort(groupUniqArrayIf((n, at, outcome, ack_code, reason, identity), fails)) AS failed,
            arraySort(groupUniqArrayArray(arrayFilter(one -> one.3 != '',
                arrayMap((value, k) -> (k, at, value), told, arrayEnumerate(told))))) AS said
        FROM events
        GROUP BY workflow, version, journey, item
        HAVING notEmpty(starts)
    ),
    -- A start that follows a cancellation or an end begins another occurrence; one that follows a start repeats it.
    -- A level for each thing that is used more than once: what a level computes is a column for the next, and the
    -- analysis of a query that repeats its expressions takes many times as long as the query.
    marked AS
    (
        SELECT
            * EXCEPT (marks),
            arrayMap(mark -> mark.1, arrayFilter((mark, last) -> mark.2 = 0 AND last = 1, marks,
                arrayPushFront(arrayPopBack(arrayMap(mark -> mark.2, marks)), 1))) AS begins
        FROM
        (
            SELECT
                *,
                arraySort(arrayConcat(arrayMap(start -> (start.1, 0), starts),
                    arrayMap(over -> (over, 1), arrayConcat(cancels, ends)))) AS marks
            FROM gathered
            INNER JOIN rules USING (workflow, version)
        )
    ),
    -- Of each step the message that met it, of many the last one that is needed, and the first that failed it.
    occurrences AS
    (
        SELECT
            * EXCEPT (firsts, refused),
            arrayFilter((event, nth) -> nth = rule.counts[event.1], firsts, arrayEnumerateUniq(firsts.1)) AS met,
            arrayFilter((event, nth) -> nth = 1, refused, arrayEnumerateUniq(refused.1)) AS failed,
            indexOf(rule.facilities, facility) + 1 AS plan
        FROM
        (
            SELECT
                workflow, version, journey, item, occurrence, probable, rule, started_at, cancelled, ended, refused,
                start.2 AS facility,
                arrayMap((value, k) -> if(value != '', value,
                    arrayFirst(one -> one.1 = k AND one.2 >= started_at AND one.2 < until, said).3),
                    start.3, arrayEnumerate(start.3)) AS tags,
                -- A message that was sent again counts once.
                arrayFilter((event, nth) -> nth = 1, inside, arrayEnumerateUniq(inside.1, inside.6)) AS firsts
            FROM
            (
                SELECT
                    *,
                    arrayFirst(start -> start.1 = started_at, starts) AS start,
                    arrayMin(arrayPushBack(arrayFilter(over -> over >= started_at AND over < until, cancels), never)) AS cancelled,
                    arrayMin(arrayPushBack(arrayFilter(over -> over >= started_at AND over < until, ends), never)) AS ended,
                    arrayFilter(event -> event.2 >= started_at AND event.2 < until, met) AS inside,
                    arrayFilter(event -> event.2 >= started_at AND event.2 < until, failed) AS refused
                FROM
                (
                    SELECT
                        *,
                        started_at,
                        occurrence,
                        arrayMin(arrayPushBack(arrayFilter(other -> other > started_at, begins), never)) AS until
                    FROM marked
                    ARRAY JOIN begins AS started_at, arrayEnumerate(begins) AS occurrence
                    WHERE started_at >= since AND started_at < before
                )
            )
        )
    ),
    -- Of each step, seen alone: whether it is asked for, when it was met and failed, and by which message.
    alone AS
    (
        SELECT
            * EXCEPT (met, failed, tags),
            arrayMap((n, opt, skipped, conditions) -> (
                    toUInt8(NOT skipped AND arrayAll(
                        condition -> has(condition.2, if(condition.1 = 0, facility, tags[condition.1])), conditions)),
                    met[indexOf(met.1, n)], failed[indexOf(failed.1, n)], opt),
                arrayEnumerate(rule.names), rule.optional, rule.skips[plan], rule.whens) AS seen
        FROM occurrences
    ),
    -- The same with the steps it waits for, a generation of steps after the other: whether it waits for something
    -- optional that has not happened, what its time begins with, whether it applies, is required, when it was met and
    -- failed, and whether it happened though it must not.
    judged AS
    (
        SELECT
            *,
            arrayFold((known, generation) -> arrayMap(
                (one, target, k) -> arrayMap(asleep -> if(target > 0,
                    (
                        toUInt8(0), started_at,
                        toUInt8(one.1 AND known[target].3),
                        toUInt8(one.1 AND known[target].3 AND (known[target].4 OR one.2.2 < known[target].5)),
                        if(one.2.2 < known[target].5, never, known[target].5),
                        if(one.2.2 < known[target].5, one.2.2, never),
                        toUInt8(one.2.2 < known[target].5)),
                    (
                        asleep,
                        arrayMax(arrayPushBack(arrayMap(n -> if(known[n].3, known[n].5, known[n].2), k), started_at)),
                        toUInt8(one.1 AND NOT asleep),
                        toUInt8(one.1 AND NOT asleep AND NOT one.4),
                        one.2.2, one.3.2, toUInt8(0))),
                    [toUInt8(arrayExists(n -> known[n].1 OR seen[n].4 AND known[n].5 = never, k))])[1],
                seen, rule.targets, rule.waits), range(rule.generations),
                arrayMap(one -> (toUInt8(0), started_at, one.1, one.1, one.2.2, one.3.2, toUInt8(0)), seen)) AS own
        FROM (SELECT * REPLACE (arrayMap(one -> (one.1,
                (one.2.1, if(one.2.2 < started_at, never, one.2.2), one.2.3, one.2.4, one.2.5),
                (one.3.1, if(one.3.2 < started_at, never, one.3.2), one.3.3, one.3.4, one.3.5), one.4), seen) AS seen) FROM alone)
    ),
    listed_steps AS
    (
        SELECT
            workflow, version, journey, item, occurrence, probable, facility, timed.started_at AS started_at, cancelled, ended,
            rule.names AS step_names,
            own.3 AS step_applicable,
            own.4 AS step_required,
            own.2 AS step_bases,
            arrayMap((target, base, shift, by, n) -> if(target > 0, never, least(ended, multiIf(
                    base = never OR shift = -1 AND by = '', never,
                    {{by_calendar}}
                    addMilliseconds(base, shift)))),
                rule.targets, own.2, rule.shifts[plan], rule.timed[plan], arrayEnumerate(rule.names)) AS step_deadlines,
            own.5 AS step_met_at,
            own.6 AS step_failed_at,
            arrayMap((target, one) -> if(target > 0, '', one.2.3), rule.targets, seen) AS met_outcomes,
            arrayMap((target, one) -> if(target > 0, '', one.2.4), rule.targets, seen) AS met_acks,
            arrayMap((target, one, is) -> if(target = 0, (one.3.3, one.3.4, one.3.5), if(is.7, (one.2.3, one.2.4, one.2.5), ('', '', ''))),
                rule.targets, seen, own) AS refused_by
        FROM {{timed}} AS timed
        {{piece_joins}}
    )
SELECT
    workflow,
    version,
    journey,
    item,
    toUInt32(occurrence) AS occurrence,
    if(probable, 'probable', 'certain') AS certainty,
    facility,
    started_at,
    cancelled AS cancelled_at,
    ended AS ended_at,
    step_names,
    step_applicable,
    step_required,
    step_bases,
    step_deadlines,
    step_met_at,
    step_failed_at,
    met_outcomes,
    met_acks,
    refused_by.1 AS failed_outcomes,
    refused_by.2 AS failed_acks,
    refused_by.3 AS failed_reasons,
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
