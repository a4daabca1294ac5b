-- The OpenSLO documents in force. Read by slo.objectives.definitions.
SELECT name, yaml
FROM
(
    SELECT name, argMax(yaml, updated_at) AS yaml, argMax(active, updated_at) AS active
    FROM objective_definitions
    GROUP BY name
)
WHERE active = 1
ORDER BY name
