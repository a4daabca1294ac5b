-- On-time share by step (each step's own deadline) and by facility (whole encounters), this period and the one
-- before. Read by slo.kpis, which keeps the changes that are more than chance.
WITH
    decisions AS
    (
{{decisions}}
    ),
    steps AS
    (
        SELECT
            names AS name,
            met <= deadline AS good,
            if(good, met, deadline) AS decided_at
        FROM instances FINAL
        ARRAY JOIN step_names AS names, step_applicable AS applicable, step_met_at AS met, step_deadlines AS deadline
        WHERE workflow = {workflow:String} AND deleted = 0 AND applicable
            AND started_at > {since:DateTime64(3, 'UTC')} - INTERVAL 90 DAY
            AND if(good, decided_at <= {now:DateTime64(3, 'UTC')}, decided_at < {now:DateTime64(3, 'UTC')})
            AND decided_at > {since:DateTime64(3, 'UTC')}
            AND cancelled_at > decided_at
    )
SELECT
    kind,
    name,
    countIf(good AND decided_at > {middle:DateTime64(3, 'UTC')}) AS good_count,
    countIf(decided_at > {middle:DateTime64(3, 'UTC')}) AS total,
    countIf(good AND decided_at <= {middle:DateTime64(3, 'UTC')}) AS previous_good,
    countIf(decided_at <= {middle:DateTime64(3, 'UTC')}) AS previous_total
FROM
(
    SELECT 'step' AS kind, toString(name) AS name, good, decided_at FROM steps
    UNION ALL
    SELECT 'facility' AS kind, toString(facility) AS name, good, decided_at FROM decisions WHERE facility != ''
)
GROUP BY kind, name
ORDER BY kind, name
