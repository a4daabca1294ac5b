-- From which share of its time on (millionths) a step is at risk, by what an instance waits for and when it began: an
-- array with an entry per step up to the last that can be. A subquery, joined to open_instances.
SELECT cityHash64(workflow, version, waiting, hours) AS point, groupArrayInsertAt(toInt32(-1))(at_risk_ppm, toUInt32(step - 1)) AS risk
FROM
(
    SELECT workflow, version, waiting, hours, step, at_risk_ppm
    FROM step_chances
    WHERE step > 0 AND at_risk_ppm >= 0 AND (workflow, version, computed_at) IN (
        SELECT workflow, version, max(computed_at) FROM step_chances WHERE step = 0 GROUP BY workflow, version
    )
    LIMIT 1 BY workflow, version, waiting, hours, step
)
GROUP BY workflow, version, waiting, hours
