-- Every instance with its state at {now:DateTime64(3, 'UTC')}: the full judgement, for tests, figures and
-- `caretrail sql`. Boards read open_instances, which says the same of open ones and is narrow.
SELECT i.workflow, i.version, i.journey, i.occurrence, i.started_at, i.facility, {{state}} AS state, i.item
FROM instances AS i FINAL
LEFT ANY JOIN (SELECT workflow, version, risk_after AS risk FROM step_risk FINAL) AS risks
    ON i.workflow = risks.workflow AND i.version = risks.version
WHERE i.deleted = 0 AND i.started_at <= {now:DateTime64(3, 'UTC')}
