-- Open instances that need somebody, worst first: those that failed or are overdue by how long, then those whose
-- deadline passes until {until}, then those at risk by how soon. {states} chooses; empty texts choose everything; what was due before {old} comes last.
SELECT workflow, journey, item, version, occurrence, since
FROM
(
    SELECT o.workflow AS workflow, o.journey AS journey, o.item AS item, o.version AS version, o.occurrence AS occurrence, {{state}} AS state,
        least(o.next_due, o.failing_at) AS since
    FROM open_instances AS o FINAL
    LEFT ANY JOIN ({{risks}}) AS risks ON o.point = risks.point
    WHERE o.started_at <= {now:DateTime64(3, 'UTC')}
        AND ({workflow:String} = '' OR o.workflow = {workflow:String})
        AND ({facility:String} = '' OR o.facility = {facility:String})
)
WHERE state IN {states:Array(String)}
    OR (has({states:Array(String)}, 'overdue') AND since >= {now:DateTime64(3, 'UTC')} AND since < {until:DateTime64(3, 'UTC')})
ORDER BY since < {old:DateTime64(3, 'UTC')}, state NOT IN ('failed', 'overdue') AND since >= {until:DateTime64(3, 'UTC')}, since, workflow, journey, item, version, occurrence
LIMIT {limit:UInt32}
