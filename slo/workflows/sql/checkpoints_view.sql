-- {{view}}: the checkpoints of every workflow version in force, a row per span and step it matches. Written by
-- activation (slo/workflows/activate.py); when a definition changes, another view takes its place.
-- A start, cancellation or end counts from when the message was sent, a step from when it was acknowledged: an
-- engine may hand on a discharge before it acknowledges it, and the step must not lie before the start for that.
CREATE MATERIALIZED VIEW IF NOT EXISTS ${view:{{view}}} TO checkpoints AS
{{select}};
