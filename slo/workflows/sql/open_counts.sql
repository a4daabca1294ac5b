-- Open instances per workflow and state, with the earliest deadline that has passed.
SELECT workflow, {{state}} AS state, count() AS instances, min(o.next_due) AS oldest
FROM open_instances AS o FINAL
LEFT ANY JOIN ({{risks}}) AS risks ON o.point = risks.point
WHERE o.started_at <= {now:DateTime64(3, 'UTC')}
GROUP BY workflow, state
