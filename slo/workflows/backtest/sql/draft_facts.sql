-- What a draft says of some journeys: its facts as slo.workflows.backtest wants them.
SELECT
    journey, item, occurrence, certainty, facility, started_at, cancelled_at, ended_at,
    step_names, step_applicable, step_deadlines, step_met_at, step_failed_at, step_required
FROM ({{facts}})
WHERE started_at >= {since:DateTime64(3, 'UTC')} AND started_at <= {now:DateTime64(3, 'UTC')}
