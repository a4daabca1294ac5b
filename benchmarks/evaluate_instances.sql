-- Instances {from} to {from} + {count} of a hospital, as the evaluator writes them. The first {closed} are over, and
-- began five days to a year ago; the others began in the last ninety hours and wait for their claim, the youngest
-- for billing and the ERP as well; one in a hundred is overdue there, one in two hundred was refused.
INSERT INTO instances
(
    workflow, version, journey, item, occurrence, certainty, facility, started_at, cancelled_at, ended_at, step_names,
    step_applicable, step_required, step_bases, step_deadlines, step_met_at, step_failed_at, met_outcomes, met_acks,
    failed_outcomes, failed_acks, failed_reasons, good_at, due_at, done_at, next_due, failing_at, waiting, closed,
    deleted, evaluated_at
)
WITH
    toDateTime64('2200-01-01 00:00:00', 3, 'UTC') AS never,
    n < {closed:UInt64} AS over,
    -- Evenly over the time, and in an order of its own: journeys are random.
    (intHash64(n + 7) % 1000000007) / 1000000007 AS share,
    fromUnixTimestamp64Milli(toInt64({now:UInt64} - if(over, 432000000 + share * 31104000000, share * 324000000)), 'UTC') AS began,
    fromUnixTimestamp64Milli(toInt64({now:UInt64}), 'UTC') AS moment,
    arrayMap(seconds -> addSeconds(began, seconds), [60, 900, 3600, 345600]) AS deadlines,
    -- Delays with a long tail; one in fifty of what is over was late somewhere.
    [1, 100 + intHash32(n) % 500, 900 + intHash32(n + 1) % 1800 + if(n % 50 = 0, 3000, 0), 40000 + intHash32(n + 2) % 200000] AS delays,
    arrayMap((seconds, place) -> if(over OR (place < 4 AND addSeconds(began, seconds) <= moment AND (place != 3 OR n % 200 > 2)),
        addSeconds(began, seconds), never), delays, [1, 2, 3, 4]) AS met,
    if(NOT over AND n % 200 = 2 AND addSeconds(began, delays[3]) <= moment, addSeconds(began, delays[3]), never) AS refused
SELECT
    'discharge-to-cash', 1, lower(hex(sipHash128(n))), '', 1, 'certain', 'NSH', began, never, never,
    ['engine accepted', 'billing ready', 'ERP posted', 'claim submitted'], [1, 1, 1, 1], [1, 1, 1, 1],
    [began, began, began, began], deadlines, met, [never, never, refused, never],
    arrayMap(m -> if(m < never, 'accepted', ''), met), arrayMap(m -> if(m < never, 'AA', ''), met),
    ['', '', if(refused < never, 'rejected', ''), ''], ['', '', if(refused < never, '422', ''), ''],
    ['', '', if(refused < never, 'cost_centre_unknown', ''), ''],
    if(over AND n % 50 != 0, arrayMax(met), never),
    arrayMin(arrayMap((m, d) -> if(m > d, d, never), met, deadlines)),
    arrayMax(met),
    arrayMin(arrayMap((m, d) -> if(m = never, d, never), met, deadlines)),
    refused,
    arraySum(arrayMap((m, place) -> if(m = never, bitShiftLeft(toUInt64(1), place - 1), 0), met, [1, 2, 3, 4])),
    over, 0, began + 400000
FROM (SELECT number AS n FROM numbers({from:UInt64}, {count:UInt64}))
