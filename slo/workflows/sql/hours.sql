-- What was decided in each hour since a moment, per workflow.
SELECT workflow, hour, started, good, bad, completed, completed_late, cancelled, computed_at
FROM instance_hours FINAL
WHERE hour >= {since:DateTime('UTC')} AND hour <= {until:DateTime('UTC')}
