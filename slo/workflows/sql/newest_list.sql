-- Instances of a workflow in any of {states}, the last started first, among those started since {since}.
SELECT i.workflow, i.journey, i.occurrence
FROM instances AS i FINAL
LEFT ANY JOIN (SELECT workflow, version, risk_after AS risk FROM step_risk FINAL) AS risks
    ON i.workflow = risks.workflow AND i.version = risks.version
WHERE i.workflow = {workflow:String} AND i.deleted = 0
    AND i.started_at <= {now:DateTime64(3, 'UTC')} AND i.started_at >= {since:DateTime64(3, 'UTC')}
    AND {{state}} IN {states:Array(String)}
ORDER BY i.started_at DESC, i.journey, i.occurrence
LIMIT {limit:UInt32}
