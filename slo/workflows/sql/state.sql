-- The instance state at {now} from the facts of a row of instances aliased `i`, and `risk`, the seconds per step
-- after which lateness is likelier than not (negative or missing: unknown). An expression, put into other queries.
multiIf(
    i.cancelled_at <= {now:DateTime64(3, 'UTC')}, 'cancelled',
    arrayExists((a, m, f) -> a AND m > {now:DateTime64(3, 'UTC')} AND f <= {now:DateTime64(3, 'UTC')},
        i.step_required, i.step_met_at, i.step_failed_at), 'failed',
    i.done_at <= {now:DateTime64(3, 'UTC')}, if(i.good_at <= {now:DateTime64(3, 'UTC')}, 'completed', 'completed_late'),
    arrayExists((a, m, d) -> a AND m > {now:DateTime64(3, 'UTC')} AND d < {now:DateTime64(3, 'UTC')},
        i.step_required, i.step_met_at, i.step_deadlines), 'overdue',
    arrayExists((a, m, n) -> a AND m > {now:DateTime64(3, 'UTC')} AND n <= length(risk) AND risk[n] >= 0
        AND addMilliseconds(i.started_at, toInt64(risk[n] * 1000)) <= {now:DateTime64(3, 'UTC')},
        i.step_required, i.step_met_at, arrayEnumerate(i.step_met_at)), 'at_risk',
    'on_track'
)
