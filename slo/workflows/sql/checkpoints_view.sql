-- {{view}}: the checkpoints of {{workflow}} version {{version}}, a row per span and step it matches.
-- Written by activation (slo/workflows/activate.py); a version has its view, the one before is dropped.
-- A start or cancellation counts from when the message was sent, a step from when it was acknowledged: an engine
-- may hand on a discharge before it acknowledges it, and the step must not lie before the start for that.
CREATE MATERIALIZED VIEW IF NOT EXISTS ${view:{{view}}} TO checkpoints AS
{{select}};
