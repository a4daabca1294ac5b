-- Writes the facts of some journeys; {run} marks the rows of this evaluation.
INSERT INTO instances
SELECT
    workflow, version, journey, item, occurrence, certainty, facility, started_at, cancelled_at, ended_at, step_names,
    step_applicable, step_required, step_bases, step_deadlines, step_met_at, step_failed_at, met_outcomes, met_acks,
    failed_outcomes, failed_acks, failed_reasons, good_at, due_at, done_at, next_due, failing_at, waiting, closed,
    0 AS deleted, {run:DateTime64(6, 'UTC')} AS evaluated_at
FROM ({{facts}})
