-- Curves of some points (table step_chances), of the newest learning of each version.
SELECT workflow, version, waiting, hours, step, made, total, at_risk_ppm
FROM step_chances
WHERE workflow IN {workflows:Array(String)} AND waiting IN {waiting:Array(UInt64)} AND step > 0
    AND (workflow, version, computed_at) IN (
        SELECT workflow, version, max(computed_at) FROM step_chances WHERE step = 0 GROUP BY workflow, version
    )
LIMIT 1 BY workflow, version, waiting, hours, step
