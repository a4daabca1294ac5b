-- The instance state at {now} from the facts of a row of instances aliased `i`. An expression, put into other queries.
-- Whether one on track is at risk is no fact but a chance: open_state.sql knows.
multiIf(
    i.cancelled_at <= {now:DateTime64(3, 'UTC')}, 'cancelled',
    arrayExists((a, m, f) -> a AND m > {now:DateTime64(3, 'UTC')} AND f <= {now:DateTime64(3, 'UTC')},
        i.step_required, i.step_met_at, i.step_failed_at), 'failed',
    i.done_at <= {now:DateTime64(3, 'UTC')}, if(i.good_at <= {now:DateTime64(3, 'UTC')}, 'completed', 'completed_late'),
    arrayExists((a, m, d) -> a AND m > {now:DateTime64(3, 'UTC')} AND d < {now:DateTime64(3, 'UTC')},
        i.step_required, i.step_met_at, i.step_deadlines), 'overdue',
    'on_track'
)
