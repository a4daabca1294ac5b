-- Facts of some instances, as slo.workflows.facts wants them.
SELECT
    workflow, version, journey, item, occurrence, certainty, facility, started_at, cancelled_at, ended_at,
    step_names, step_applicable, step_deadlines, step_met_at, step_failed_at,
    met_outcomes, met_acks, failed_outcomes, failed_acks, failed_reasons, step_required, step_bases
FROM instances AS i FINAL
WHERE i.deleted = 0 AND {{which}}
