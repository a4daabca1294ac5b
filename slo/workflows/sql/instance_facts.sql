-- Facts of some instances, as slo.workflows.facts wants them. The newest row of each: FINAL would read fifty times as
-- much, because it merges whole ranges of keys in every week.
SELECT
    workflow, version, journey, item, occurrence, certainty, facility, started_at, cancelled_at, ended_at,
    step_names, step_applicable, step_deadlines, step_met_at, step_failed_at,
    met_outcomes, met_acks, failed_outcomes, failed_acks, failed_reasons, step_required, step_bases
FROM
(
    SELECT * FROM instances AS i
    WHERE {{which}}
    ORDER BY i.evaluated_at DESC
    LIMIT 1 BY i.workflow, i.journey, i.item, i.version, i.occurrence
)
WHERE deleted = 0
