-- Open instances per workflow and state, with their earliest deadline and, by moment, how many deadlines pass from
-- {now} on until {until}.
SELECT
    workflow, {{state}} AS state, count() AS instances, min(o.next_due) AS earliest,
    sumMapIf([o.next_due], [toUInt64(1)], o.next_due >= {now:DateTime64(3, 'UTC')} AND o.next_due < {until:DateTime64(3, 'UTC')})
        AS passing
FROM open_instances AS o FINAL
LEFT ANY JOIN ({{risks}}) AS risks ON o.point = risks.point
WHERE o.started_at <= {now:DateTime64(3, 'UTC')}
GROUP BY workflow, state
