-- When each encounter of a workflow was decided, and how: good when its last applicable step was met with every
-- deadline kept, bad when the first deadline passed without its step, absence included. A decision taken before
-- a cancellation stands; a cancelled encounter without one does not count. Put as a CTE before tally.sql and
-- the figures of slo.kpis, so that objectives and figures cannot disagree.
-- {step} empty: all steps; else the deadline of that step alone. Reads instances by week of start: an encounter
-- decided since {since} started at most 90 days before, the longest deadline a workflow may have here.
SELECT journey, occurrence, facility, started_at, decided_at, good
FROM
(
    SELECT
        journey,
        occurrence,
        facility,
        started_at,
        cancelled_at,
        toDateTime64('2200-01-01 00:00:00', 3, 'UTC') AS never,
        indexOf(step_names, {step:String}) AS n,
        {step:String} = '' AS whole,
        step_met_at[n] <= step_deadlines[n] AS step_good,
        multiIf(
            whole, least(good_at, due_at),
            n = 0 OR NOT step_applicable[n], never,
            step_good, step_met_at[n],
            step_deadlines[n]) AS decided_at,
        if(whole, good_at < due_at, step_good) AS good
    FROM instances FINAL
    WHERE workflow = {workflow:String} AND deleted = 0 AND started_at > {since:DateTime64(3, 'UTC')} - INTERVAL 90 DAY
)
WHERE decided_at > {since:DateTime64(3, 'UTC')}
    AND if(good, decided_at <= {now:DateTime64(3, 'UTC')}, decided_at < {now:DateTime64(3, 'UTC')})
    AND cancelled_at > decided_at
