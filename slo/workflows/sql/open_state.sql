-- The state at {now} of a row of open_instances aliased `o`, with `risk` as in state.sql. An expression.
multiIf(
    o.failing_at <= {now:DateTime64(3, 'UTC')}, 'failed',
    o.next_due < {now:DateTime64(3, 'UTC')}, 'overdue',
    arrayExists((after, n) -> after >= 0 AND bitTest(o.waiting, n)
        AND addMilliseconds(o.started_at, toInt64(after * 1000)) <= {now:DateTime64(3, 'UTC')},
        risk, range(length(risk))), 'at_risk',
    'on_track'
)
