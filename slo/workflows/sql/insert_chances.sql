-- Of the instances that were at the same point, how many met a step in time (table step_chances). Read from the decided
-- steps of one workflow version: those whose deadline has passed, whether met or not, for one still ahead would be
-- known only when it went well. An instance is at one point after the other: from its start, and from each success of
-- a step, until the next success; a step counts in it from where its clock started until it was met, refused or due.
-- Cells of its time are (n / 200)^2 of what it is allowed: fine at the beginning, one percent at the end. What begins
-- and ends in a cell is added up, so one pass gives every curve.
-- Journeys are spread evenly by their hash, so `journey < {below}` is a fair sample that the sort key serves.
INSERT INTO step_chances (workflow, version, waiting, hours, step, made, total, at_risk_ppm, zone, computed_at)
WITH
    toDateTime64('2200-01-01 00:00:00', 3, 'UTC') AS never,
    decided AS
    (
        SELECT
            started_at, step_deadlines, step_met_at, step_failed_at, step_bases,
            toTimeZone(started_at, {zone:String}) AS here,
            toUInt8((toDayOfWeek(here) > 5) * 2 + (toHour(here) NOT BETWEEN 7 AND 18)) AS began_in,
            arrayMap((a, r) -> toUInt8(a AND r), step_applicable, step_required) AS counts,
            arraySort(arrayDistinct(arrayPushFront(
                arrayFilter((m, c) -> c AND m > started_at AND m < never, step_met_at, counts), started_at))) AS begins
        FROM
        (
            SELECT * FROM instances
            WHERE workflow = {workflow:String} AND version = {version:UInt32} AND journey < {below:String}
                AND started_at >= {since:DateTime64(3, 'UTC')} AND started_at <= {now:DateTime64(3, 'UTC')}
            ORDER BY evaluated_at DESC
            LIMIT 1 BY journey, item, occurrence
        )
        WHERE deleted = 0 AND cancelled_at > {now:DateTime64(3, 'UTC')}
    ),
    stages AS
    (
        SELECT
            *,
            begin,
            until,
            arraySum(arrayMap((c, m, n) -> if(c AND m > begin, bitShiftLeft(toUInt64(1), n - 1), 0),
                counts, step_met_at, arrayEnumerate(counts))) AS waiting
        FROM decided
        ARRAY JOIN begins AS begin, arrayPushBack(arrayPopFront(begins), never) AS until
    ),
    spells AS
    (
        SELECT
            waiting,
            began_in,
            n,
            met <= due AS made,
            toUnixTimestamp64Milli(due) - toUnixTimestamp64Milli(started_at) AS allowed,
            ceil(200 * sqrt((toUnixTimestamp64Milli(greatest(begin, base)) - toUnixTimestamp64Milli(started_at)) / allowed)) AS first,
            ceil(200 * sqrt(greatest(0, toUnixTimestamp64Milli(least(until, due, refused)) - toUnixTimestamp64Milli(started_at)) / allowed)) AS last
        FROM stages
        ARRAY JOIN
            counts AS c, step_deadlines AS due, step_met_at AS met, step_failed_at AS refused, step_bases AS base,
            arrayEnumerate(counts) AS n
        WHERE c AND met > begin AND due > greatest(begin, base) AND due < {now:DateTime64(3, 'UTC')} AND allowed > 0
            AND first < last
    ),
    curves AS
    (
        SELECT
            waiting,
            n,
            class,
            arrayCumSum(groupArrayInsertAt(toInt64(0), 201)(more, cell)) AS all_of,
            arrayCumSum(groupArrayInsertAt(toInt64(0), 201)(more_made, cell)) AS made_of
        FROM
        (
            SELECT waiting, n, class, toUInt32(edge.1) AS cell, sum(toInt64(edge.2)) AS more, sum(toInt64(edge.2) * made) AS more_made
            FROM spells
            ARRAY JOIN [(first, 1), (last, -1)] AS edge
            ARRAY JOIN [began_in, 4] AS class
            GROUP BY waiting, n, class, cell
        )
        GROUP BY waiting, n, class
    ),
    -- Where too few began in the same hours, those of all hours speak; where they are too few as well, nobody.
    chosen AS
    (
        SELECT
            waiting,
            hours,
            n,
            arrayFirst(curve -> curve.1 = hours, found) AS own,
            arrayFirst(curve -> curve.1 = 4, found) AS every,
            arrayMap((one, all) -> multiIf(one >= {fewest:UInt32}, one, all >= {fewest:UInt32}, all, 0),
                arrayResize(own.2, 201), every.2) AS total,
            arrayMap((one, all, m, ms) -> multiIf(one >= {fewest:UInt32}, m, all >= {fewest:UInt32}, ms, 0),
                arrayResize(own.2, 201), every.2, arrayResize(own.3, 201), every.3) AS made,
            arrayMap((m, t) -> multiIf(t = 0, 0, 2 * m < t, 1, 2), made, total) AS odds,
            -- A dip that recovers is no warning: the first cell from which it stays below half.
            arrayLastIndex(odd -> odd = 2, odds) AS last_even,
            arrayFirstIndex((odd, place) -> odd = 1 AND place > last_even, odds, arrayEnumerate(odds)) AS turn
        FROM (SELECT waiting, n, groupArray((class, all_of, made_of)) AS found FROM curves GROUP BY waiting, n)
        ARRAY JOIN [0, 1, 2, 3] AS hours
    )
SELECT
    {workflow:String}, {version:UInt32}, waiting, hours, n, made, total,
    if(turn = 0, -1, toInt32(ceil(pow((turn - 1) / 200, 2) * 1000000))),
    {zone:String}, {run:DateTime64(6, 'UTC')}
FROM chosen
WHERE arrayExists(t -> t > 0, total)
UNION ALL
SELECT {workflow:String}, {version:UInt32}, 0, 0, 0, [], [toUInt32(count())], -1, {zone:String}, {run:DateTime64(6, 'UTC')}
FROM decided
