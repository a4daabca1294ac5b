-- The state at {now} of a row of open_instances aliased `o`, with `risk` as at_risk_from.sql gives it. An expression.
multiIf(
    o.failing_at <= {now:DateTime64(3, 'UTC')}, 'failed',
    o.next_due < {now:DateTime64(3, 'UTC')}, 'overdue',
    arrayExists((ppm, due, n) -> ppm >= 0 AND bitTest(o.waiting, n)
        AND addMilliseconds(o.started_at, intDiv((toUnixTimestamp64Milli(due) - toUnixTimestamp64Milli(o.started_at)) * ppm, 1000000))
            <= {now:DateTime64(3, 'UTC')},
        risk, arrayResize(o.step_deadlines, length(risk), toDateTime64('2200-01-01 00:00:00', 3, 'UTC')), range(length(risk))), 'at_risk',
    'on_track'
)
