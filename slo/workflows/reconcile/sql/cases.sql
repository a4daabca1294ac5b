-- The cases of a reconciliation: what every step said of one occurrence (and item) of a workflow, a row for each
-- group it falls into. Written by gather.py into a table of its own; summed (totals.sql) or listed (differences.sql).
INSERT INTO {{table}}
WITH
    {now:DateTime64(3, 'UTC')} AS moment,
    occurrences AS
    (
        SELECT
            journey,
            item,
            arraySort(groupArray((
                started_at, occurrence, version, facility, certainty, cancelled_at <= moment,
                arrayMap(n -> n = 0 OR step_applicable[n] = 1, places),
                arrayMap(n -> n > 0 AND step_met_at[n] > moment AND step_failed_at[n] > moment AND step_deadlines[n] >= moment, places),
                arrayMap(n -> n > 0 AND step_met_at[n] > moment AND step_failed_at[n] <= moment, places)
            ))) AS begun
        FROM
        (
            -- The newest row of each, without FINAL, which would read far more than these journeys.
            SELECT
                journey, item, occurrence, version, facility, certainty, started_at, cancelled_at, deleted,
                step_applicable, step_met_at, step_failed_at, step_deadlines,
                arrayMap(name -> indexOf(step_names, name), {steps:Array(String)}) AS places
            FROM instances
            WHERE workflow = {workflow:String} AND journey IN (SELECT journey FROM {{messages}})
            ORDER BY evaluated_at DESC
            LIMIT 1 BY journey, item, version, occurrence
        )
        WHERE deleted = 0 AND started_at <= moment
        GROUP BY journey, item
    ),
    -- A message belongs to the occurrence that had begun; one before the first belongs to the first.
    owned AS
    (
        SELECT
            messages.journey AS journey, messages.item AS item, messages.place AS place, messages.first_at AS first_at,
            (messages.span_id, messages.facility, messages.value, messages.measured, messages.own, messages.own_currency) AS said,
            messages.version AS version,
            if(empty(begun), (moment, 0, version, said.2, 'certain', 0, [], [], []),
                if(begun[1].1 > first_at, begun[1], arrayLast(one -> one.1 <= first_at, begun))) AS occurrence
        FROM {{messages}} AS messages
        LEFT ANY JOIN occurrences ON messages.journey = occurrences.journey AND messages.item = occurrences.item
        -- Checkpoints of a version judge the occurrences of that version; the newest speaks where there is none.
        WHERE if(empty(begun), version = {version:UInt32}, version = occurrence.3)
    ),
    cases AS
    (
        SELECT
            journey,
            item,
            occurrence.2 AS number,
            -- Without an occurrence the first message says which facility it was.
            argMin(occurrence, (place, first_at, said.1)) AS of,
            if(number = 0, min(first_at), of.1) AS started_at,
            arraySort(groupArray((place, first_at, said.1, said.3, said.4, said.5, said.6))) AS lines,
            arrayMap(n -> toUInt32(arrayCount(line -> line.1 = n, lines)), range(1, length({steps:Array(String)}) + 1)) AS all_counts,
            arrayMap(n -> arraySum(line -> if(line.1 = n, line.4, 0), lines), range(1, length({steps:Array(String)}) + 1)) AS all_sums,
            arrayMap(n -> arrayFirst(line -> line.6[n] != '', lines).6[n], arrayEnumerate({by:Array(String)})) AS known_tags,
            arrayFirst(line -> line.7 != '', lines).7 AS known_currency,
            multiIf(
                of.6, 'cancelled',
                has(of.7, 0), 'exempt',
                number > 0
                    AND arrayExists((c, waits) -> c = 0 AND waits, all_counts, of.8)
                    AND NOT arrayExists((c, waits) -> c = 0 AND NOT waits, all_counts, of.8)
                    AND length(arrayDistinct(arrayFilter((s, c) -> c > 0, all_sums, all_counts))) <= 1, 'waiting',
                'settled') AS fate
        FROM owned
        GROUP BY journey, item, number
        HAVING started_at >= {since:DateTime64(3, 'UTC')} AND started_at <= moment
    )
SELECT
    journey,
    item,
    number,
    any(started_at) AS began,
    any(of.5) AS sure,
    any(fate) AS came_to,
    any(of.9) AS refused,
    keys,
    currency,
    arraySort(groupArray(line)) AS mine,
    arrayMap(n -> toUInt32(arrayCount(one -> one.1 = n, mine)), range(1, length({steps:Array(String)}) + 1)) AS counts,
    arrayMap(n -> arraySum(one -> if(one.1 = n, one.4, 0), mine), range(1, length({steps:Array(String)}) + 1)) AS sums,
    arrayMap(n -> toUInt32(arrayCount(one -> one.1 = n AND NOT one.5, mine)), range(1, length({steps:Array(String)}) + 1)) AS unmeasured,
    arrayMax(arrayMap(s -> abs(s - sums[1]), sums)) AS apart,
    came_to = 'settled' AND toFloat64(apart) > {share:Float64} * toFloat64(abs(sums[1])) AS differs
FROM
(
    SELECT
        *, line,
        arrayMap((name, own, other) -> multiIf(
            name = 'day', toString(toDate(toTimeZone(started_at, {zone:String}))),
            name = 'facility', of.4,
            name = 'item', item,
            own != '', own,
            other), {by:Array(String)}, line.6, known_tags) AS keys,
        if(line.7 != '', line.7, known_currency) AS currency
    FROM cases
    ARRAY JOIN lines AS line
)
GROUP BY journey, item, number, keys, currency
