-- Open instances of another workflow, whose deadlines pass at known moments.
INSERT INTO instances
(
    workflow, version, journey, item, occurrence, certainty, facility, started_at, cancelled_at, ended_at, step_names,
    step_applicable, step_required, step_bases, step_deadlines, step_met_at, step_failed_at, met_outcomes, met_acks,
    failed_outcomes, failed_acks, failed_reasons, good_at, due_at, done_at, next_due, failing_at, waiting, closed,
    deleted, evaluated_at
)
WITH
    toDateTime64('2200-01-01 00:00:00', 3, 'UTC') AS never,
    fromUnixTimestamp64Milli(due_ms, 'UTC') AS due
SELECT
    {workflow:String}, 1, lower(hex(sipHash128('sentinel', due))), '', 1, 'certain', 'NSH', due - 900, never, never, ['one'], [1], [1],
    [due - 900], [due], [never], [never], [''], [''], [''], [''], [''], never, due, never, due, never, 1, 0, 0, now64(6)
FROM (SELECT arrayJoin({dues:Array(Int64)}) AS due_ms)
