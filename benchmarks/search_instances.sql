-- One finished discharge of each of some journeys, as the evaluator writes it.
INSERT INTO instances
(
    workflow, version, journey, occurrence, certainty, facility, started_at, cancelled_at, ended_at,
    step_names, step_applicable, step_required, step_bases,
    step_deadlines, step_met_at, step_failed_at, met_outcomes, met_acks, failed_outcomes, failed_acks, failed_reasons,
    good_at, due_at, done_at, next_due, failing_at, waiting, closed, deleted, evaluated_at
)
WITH
    toDateTime64('2200-01-01 00:00:00', 3, 'UTC') AS never,
    fromUnixTimestamp64Milli(toInt64({begin:UInt64} + intDiv(n * {lasts:UInt64}, {journeys:UInt64}) + 172800) * 1000, 'UTC')
        AS started
SELECT
    'discharge-to-cash', 1,
    substring(lower(hex(HMAC('sha256', concat('v1|journey|visit|NSH|V', toString(n)), unhex({site_key:String})))), 1, 32),
    1, 'certain', 'NSH', started, never, never,
    ['engine accepted', 'billing ready', 'ERP posted', 'claim submitted'], [1, 1, 1, 1], [1, 1, 1, 1],
    [started, started, started, started],
    [started + 60, started + 900, started + 3600, started + 259200],
    [started, started, started + 600, started + 172800], [never, never, never, never],
    ['accepted', 'accepted', 'accepted', 'accepted'], ['AA', 'AA', '201', ''], ['', '', '', ''], ['', '', '', ''],
    ['', '', '', ''], started + 172800, never, started + 172800, never, never, 0, 1, 0, now64(6, 'UTC')
FROM (SELECT number AS n FROM numbers({from:UInt64}, {count:UInt64}))
