-- Facts of some instances, as slo.workflows.facts wants them, for the reader to take the newest row of each: FINAL
-- would read fifty times as much, and of a query that answers with one row the planning costs more than the reading.
-- One tuple and not a column each, for the same reason.
SELECT (
    evaluated_at, deleted,
    workflow, version, journey, item, occurrence, certainty, facility, started_at, cancelled_at, ended_at,
    step_names, step_applicable, step_deadlines, step_met_at, step_failed_at,
    met_outcomes, met_acks, failed_outcomes, failed_acks, failed_reasons, step_required, step_bases)
FROM instances
PREWHERE workflow IN {workflows:Array(String)} AND journey IN {journeys:Array(String)}
